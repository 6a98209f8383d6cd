// SPDX-License-Identifier: GPL-2.0
//! The functions and structs in a header that have `__user` pointers.

use super::tokens::{tokens, Token};
use super::USER;
use kps_facts::UserDeclarations;

/// Adds what a header declares. It is read by its shape and not by C's whole grammar: a declaration
/// of another shape declares nothing.
pub(super) fn declared(text: &str, found: &mut UserDeclarations) {
    let tokens = tokens(text);
    for declaration in declarations(&tokens) {
        records(declaration, found);
        function(declaration, found);
    }
}

/// The declarations of a header or of a struct: up to a `;`, or to the braces of a function.
fn declarations<'a, 't>(tokens: &'a [Token<'t>]) -> Vec<&'a [Token<'t>]> {
    let mut all = Vec::new();
    let mut start = 0;
    for (n, token) in tokens.iter().enumerate() {
        let so_far = &tokens[start..n];
        let ends = match token {
            Token::Mark(';') => true,
            Token::Group('{', _) => {
                record_name(so_far).is_none() && !so_far.contains(&Token::Mark('='))
            }
            _ => false,
        };
        if ends {
            all.push(so_far);
            start = n + 1;
        }
    }
    all.push(&tokens[start..]);
    all
}

/// The name in front of the braces of a struct or union; empty if it has none. None if these are
/// the braces of something else.
fn record_name<'t>(before: &[Token<'t>]) -> Option<&'t str> {
    let is_keyword = |token: &Token<'_>| matches!(token, Token::Word("struct" | "union" | "enum"));
    let at = before.iter().rposition(is_keyword)?;
    // In front of a function's braces are its parameters.
    if matches!(before.last(), Some(Token::Group('(', _))) && !is_attribute(before) {
        return None;
    }
    let mut words = before[at + 1..].iter().filter_map(|token| match token {
        Token::Word(word) if !word.starts_with("__") => Some(*word),
        _ => None,
    });
    let name = words.next().unwrap_or_default();
    // `struct NAME *function(..) {`, and the like.
    words.next().is_none().then_some(name)
}

/// Whether some tokens end in `__attribute__((..))` or another macro of this kind.
fn is_attribute(tokens: &[Token<'_>]) -> bool {
    matches!(tokens, [.., Token::Word(word), Token::Group('(', _)] if word.starts_with("__"))
}

/// Adds the members of the structs and unions that a declaration defines.
fn records(declaration: &[Token<'_>], found: &mut UserDeclarations) {
    for (n, token) in declaration.iter().enumerate() {
        let Token::Group('{', inside) = token else { continue };
        let Some(name) = record_name(&declaration[..n]) else { continue };
        // `typedef struct { .. } NAME;`
        let is_typedef = declaration.first() == Some(&Token::Word("typedef"));
        let owner = match declaration.last() {
            _ if !name.is_empty() => name,
            Some(Token::Word(alias)) if is_typedef => alias,
            _ => continue,
        };
        members(owner, inside, found);
    }
}

/// Adds the members of a struct or union, and those of structs and unions in it.
fn members(owner: &str, inside: &[Token<'_>], found: &mut UserDeclarations) {
    for declaration in declarations(inside) {
        let braces = declaration.iter().position(|token| matches!(token, Token::Group('{', _)));
        let Some(braces) = braces else {
            for name in pointers(declaration) {
                found.members.insert((owner.to_owned(), name.to_owned()));
            }
            continue;
        };
        let Token::Group(_, nested) = &declaration[braces] else { continue };
        match record_name(&declaration[..braces]) {
            // Members of an anonymous member are the owner's own.
            Some("") if !has_name(&declaration[braces + 1..]) => members(owner, nested, found),
            Some("") | None => {}
            Some(name) => members(name, nested, found),
        }
    }
}

/// Whether what follows the braces of a struct in a struct names a member.
fn has_name(behind: &[Token<'_>]) -> bool {
    behind.iter().any(|token| matches!(token, Token::Word(word) if !word.starts_with("__")))
}

/// The names that a declaration of members gives to `__user` pointers.
fn pointers<'t>(declaration: &[Token<'t>]) -> Vec<&'t str> {
    let star = declaration.iter().position(|token| *token == Token::Mark('*'));
    let base = &declaration[..star.unwrap_or(declaration.len())];
    let mut names = Vec::new();
    for (n, declarator) in declaration.split(|token| *token == Token::Mark(',')).enumerate() {
        // The type in front of the first star belongs to all of them.
        let whole = match n {
            0 => declarator.to_vec(),
            _ => [base, declarator].concat(),
        };
        let behind = whole.iter().rposition(|token| *token == Token::Mark('*'));
        let name = behind.and_then(|star| {
            whole[star + 1..].iter().find_map(|token| match token {
                Token::Word(word) if !is_qualifier(word) => Some(*word),
                _ => None,
            })
        });
        let is_plain = !whole.iter().any(|token| matches!(token, Token::Group('[', _)));
        names.extend(name.filter(|_| is_plain && is_user_pointer(&whole)));
    }
    names
}

fn is_qualifier(word: &str) -> bool {
    matches!(word, "const" | "volatile" | "restrict") || word.starts_with("__")
}

/// Adds the parameters of a function that a declaration declares.
fn function(declaration: &[Token<'_>], found: &mut UserDeclarations) {
    if declaration.first() == Some(&Token::Word("typedef")) {
        return;
    }
    let named = declaration.windows(2).find_map(|pair| match pair {
        [Token::Word(name), Token::Group('(', params)] if !name.starts_with("__attribute") => {
            params.contains(&Token::Word(USER)).then_some((name, params))
        }
        _ => None,
    });
    let Some((name, params)) = named else { return };
    for (n, param) in params.split(|token| *token == Token::Mark(',')).enumerate() {
        if is_user_pointer(param) {
            found.params.insert(((*name).to_owned(), n as u32));
        }
    }
}

/// Whether a declarator is a pointer to the memory of a program: the last star, or the brackets of
/// an array, belong to a `__user` type. A pointer to such a pointer is not.
fn is_user_pointer(declarator: &[Token<'_>]) -> bool {
    let stars: Vec<usize> = declarator
        .iter()
        .enumerate()
        .filter_map(|(n, token)| (*token == Token::Mark('*')).then_some(n))
        .collect();
    let brackets = declarator.iter().position(|token| matches!(token, Token::Group('[', _)));
    // A pointer to a function.
    let is_function = declarator.windows(2).any(|pair| {
        matches!(pair, [Token::Mark('*') | Token::Group('(', _), Token::Group('(', _)])
            || matches!(pair, [_, Token::Group('(', inside)] if inside.contains(&Token::Mark('*')))
    });
    let target = match (stars.as_slice(), brackets) {
        _ if is_function => return false,
        ([.., last], Some(end)) => &declarator[last + 1..end],
        ([], Some(end)) => &declarator[..end],
        ([.., before, last], None) => &declarator[before + 1..*last],
        ([last], None) => &declarator[..*last],
        ([], None) => return false,
    };
    target.contains(&Token::Word(USER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (Vec<String>, Vec<String>) {
        let mut found = UserDeclarations::default();
        declared(text, &mut found);
        let params = found.params.iter().map(|(function, n)| format!("{function} {n}"));
        let members = found.members.iter().map(|(record, member)| format!("{record}.{member}"));
        (params.collect(), members.collect())
    }

    fn params(text: &str) -> Vec<String> {
        of(text).0
    }

    fn members(text: &str) -> Vec<String> {
        of(text).1
    }

    #[test]
    fn parameters_are_those_that_point_to_a_programs_memory() {
        assert_eq!(
            params("long do_it(int dfd, const char __user *filename, void *kernel, u8 __user *);"),
            ["do_it 1", "do_it 3"]
        );
        assert_eq!(params("static inline int get(u32 __user *p)\n{ f(a __user *b); }"), ["get 0"]);
        assert_eq!(
            params("extern __must_check ssize_t a(char __user buf[]) __printf(1, 2);"),
            ["a 0"]
        );
        assert_eq!(params("__printf(2, 3) int b(void __user *p, const char *fmt, ...);"), ["b 0"]);
    }

    #[test]
    fn pointers_to_user_pointers_and_functions_are_the_kernels() {
        for text in [
            "int f(char __user **p);",
            "int f(void __user *p[2]);",
            "int f(int (*read)(char __user *));",
            "int f(char __user c);",
            "typedef int (*read_t)(char __user *p);",
        ] {
            assert_eq!(params(text), [] as [&str; 0], "{text}");
        }
        assert_eq!(params("int f(const char __user *const __user *argv);"), ["f 0"]);
    }

    #[test]
    fn members_are_those_of_the_named_struct_around_them() {
        let text = "struct msg {\n\tvoid __user *base; /* x */\n\tunion {\n\t\tu8 __user *a, *b;\n\
                    \t\tstruct { int __user *in; } named;\n\t};\n\tint (*read)(char __user *);\n\
                    \tvoid __user *list[4];\n\tstruct own { char __user *c __counted_by(n); } o;\n\
                    };";
        assert_eq!(members(text), ["msg.a", "msg.b", "msg.base", "own.c"]);
        assert_eq!(
            members("typedef struct { union { void *k; void __user *user; }; } sockptr_t;"),
            ["sockptr_t.user"]
        );
        assert_eq!(
            members("struct a *f(char __user *p) { struct b { int c; } d; }"),
            ["" as &str; 0]
        );
        assert_eq!(
            members("struct __attribute__((packed)) a { char __user *p; } __packed;"),
            ["a.p"]
        );
    }
}
