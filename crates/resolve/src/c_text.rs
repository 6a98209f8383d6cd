// SPDX-License-Identifier: GPL-2.0
//! The calls in the text of a C file, for checks that run before any compiler.

pub(super) mod prototype;
pub(super) mod system_call;

use crate::notable;
use kps_plan::Keeper;
use std::collections::{BTreeMap, BTreeSet};

/// The largest file in C, in bytes, and the most functions of it, that are looked through.
const MAX_TEXT: usize = 256 << 10;
const MAX_FUNCTIONS: usize = 256;
/// The longest list of parameters, in bytes.
const MAX_PARAMS: usize = 4096;

/// The functions outside of the file that a function in C calls, itself or in functions and macros
/// of the same file, as far as the text tells: the macros of headers hide calls, and the call of a
/// pointer looks like that of a function. It is among them itself if it calls itself.
pub(super) fn calls_in_c(text: &str, function: &str) -> Vec<String> {
    outward_calls(text, function, true)
}

fn outward_calls(text: &str, function: &str, in_macros: bool) -> Vec<String> {
    // No patch has such a file, and looking through it would take long.
    if text.len() > MAX_TEXT {
        return Vec::new();
    }
    let (text, macros) = plain(text);
    let mut called = vec![function.to_owned()];
    let mut next = 0;
    let mut own = Vec::new();
    // Those that call themselves; a macro that does calls the function of its name.
    let mut call_themselves = BTreeSet::new();
    while let Some(function) = called.get(next).cloned().filter(|_| next < MAX_FUNCTIONS) {
        let body = body_in_c(&text, &function);
        let named: Vec<&Macro> = macros.iter().filter(|known| known.name == function).collect();
        own.push(body.is_some() || !named.is_empty());
        next += 1;
        let mut add = |name: &str| {
            let is_itself = name == function && !named.is_empty() || name == called[0];
            if is_itself {
                call_themselves.insert(name.to_owned());
            }
            if !called.iter().any(|known| known == name) {
                called.push(name.to_owned());
            }
        };
        let flags = body.map(sleeping_flags).unwrap_or_default();
        flags.into_iter().for_each(&mut add);
        let in_function = body.unwrap_or_default();
        calls_in(in_function).for_each(&mut add);
        for body in named.iter().filter(|_| in_macros) {
            let is_parameter = |name: &&str| body.parameters.iter().any(|known| known == name);
            calls_in(&body.body).filter(|name| !is_parameter(name)).for_each(&mut add);
        }
        let bodies = named.iter().map(|named| named.body.as_str()).chain([in_function]);
        let words: BTreeSet<&str> = bodies.flat_map(|body| body.split(|c| !is_word(c))).collect();
        let plain = macros.iter().filter(|known| in_macros && known.is_plain);
        let plain = plain.filter(|known| known.name != function);
        plain
            .filter(|known| words.contains(known.name.as_str()))
            .for_each(|known| add(&known.name));
    }
    let is_own = |n: usize| own.get(n).is_some_and(|is_own| *is_own);
    let is_outward = |n: usize, name: &str| (n > 0 && !is_own(n)) || call_themselves.contains(name);
    let called = called.into_iter().enumerate().filter(|(n, name)| is_outward(*n, name));
    called.map(|(_, name)| name).collect()
}

/// A text without comments, directives and the macros that define system calls, and the macros that
/// the file defines.
fn plain(text: &str) -> (String, Vec<Macro>) {
    let (text, macros) = without_directives(&without_comments(text));
    match text.contains("SYSCALL_DEFINE") {
        true => (system_call::as_functions(&text), macros),
        false => (text, macros),
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_ascii_alphanumeric()
}

/// The names in a body in front of parentheses, members left out.
fn calls_in(body: &str) -> impl Iterator<Item = &str> {
    body.match_indices('(').filter_map(|(at, _)| {
        let before = body[..at].trim_end();
        let start = before.trim_end_matches(is_word).len();
        let operator = before[..start].trim_end();
        let is_member = operator.ends_with('.') || operator.ends_with("->");
        Some(&before[start..]).filter(|name| !name.is_empty() && !is_member)
    })
}

/// The functions of a file in C that are kept if `function` is called, each with the function that
/// keeps it and gets it, or a variable of the file that holds it. What members get is left to the
/// compiled code.
pub(super) fn given_in_c(text: &str, function: &str) -> Vec<(String, String)> {
    let called = outward_calls(text, function, false);
    let mut keepers = called.iter().filter(|name| Keeper::named(name).is_some()).peekable();
    let Some(any) = keepers.peek().copied() else { return Vec::new() };
    let keepers: Vec<&String> = keepers.collect();
    let (text, _) = plain(text);
    let words = words(&text);
    let defined: BTreeSet<&str> =
        words.iter().filter(|word| word.defines).map(|word| word.text).collect();
    let is_function = |word: &&Word<'_>| !word.is_called && defined.contains(word.text);
    let mut holders: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for word in words.iter().filter(is_function) {
        if let Some(holder) = word.held_by {
            holders.entry(holder).or_default().insert(word.text);
        }
    }
    let mut reached = BTreeSet::from([function]);
    loop {
        let calls = words.iter().filter(|word| word.is_called && defined.contains(word.text));
        let calls = calls.filter(|word| word.body.is_some_and(|body| reached.contains(body)));
        let new: Vec<&str> =
            calls.map(|word| word.text).filter(|name| !reached.contains(name)).collect();
        if new.is_empty() {
            break;
        }
        reached.extend(new);
    }
    let mut given = BTreeSet::new();
    let is_reached = |word: &&Word<'_>| word.body.is_some_and(|body| reached.contains(body));
    for word in words.iter().filter(|word| !word.is_called).filter(is_reached) {
        let Some(callee) = word.argument_of else { continue };
        let keeper = match keepers.iter().find(|keeper| **keeper == callee) {
            Some(keeper) => keeper.as_str(),
            None if defined.contains(callee) => any.as_str(),
            None => continue,
        };
        let held = holders.get(word.text).into_iter().flatten().copied();
        let itself = Some(word).filter(is_function).map(|word| word.text);
        let functions = held.chain(itself);
        given.extend(functions.map(|function| (function.to_owned(), keeper.to_owned())));
    }
    given.into_iter().collect()
}

/// A word in a text in C.
struct Word<'t> {
    text: &'t str,
    /// Whether a list of arguments or parameters follows.
    is_called: bool,
    /// Whether it is the name in the definition of a function.
    defines: bool,
    /// The function in whose body it is.
    body: Option<&'t str>,
    /// The function in whose arguments it is, within a body.
    argument_of: Option<&'t str>,
    /// The variable outside of functions in whose initial value it is.
    held_by: Option<&'t str>,
}

/// The words of a text in C, members left out.
fn words(text: &str) -> Vec<Word<'_>> {
    let mut words: Vec<Word<'_>> = Vec::new();
    // The words in front of the brackets that are open.
    let mut open: Vec<Option<usize>> = Vec::new();
    let (mut braces, mut at, mut body, mut holder) = (0_usize, 0, None, None);
    while let Some(c) = text[at..].chars().next() {
        let before = text[..at].trim_end();
        if is_word(c) {
            let end = at + text[at..].find(|c| !is_word(c)).unwrap_or(text.len() - at);
            let callee = open.last().copied().flatten().and_then(|word| words.get(word));
            let callee = callee.map(|word| word.text);
            // `DEFINE_TIMER(started, expire)`
            let is_declared =
                |callee: &str| callee.starts_with("DEFINE_") || callee.starts_with("DECLARE_");
            let declared = callee.filter(|callee| body.is_none() && is_declared(callee));
            if declared.is_some() && before.ends_with('(') {
                holder = Some(&text[at..end]);
            }
            if !before.ends_with('.') && !before.ends_with("->") {
                words.push(Word {
                    text: &text[at..end],
                    is_called: text[end..].trim_start().starts_with('('),
                    defines: false,
                    body,
                    argument_of: callee.filter(|_| body.is_some()),
                    held_by: holder.filter(|_| body.is_none()),
                });
            }
            at = end;
            continue;
        }
        match c {
            '(' => open.push(words.len().checked_sub(1).filter(|_| before.ends_with(is_word))),
            ')' => {
                let word = open.pop().flatten().and_then(|word| words.get_mut(word));
                let is_definition = braces == 0 && text[at + 1..].trim_start().starts_with('{');
                if let Some(word) = word.filter(|_| is_definition && open.is_empty()) {
                    (word.defines, body) = (true, Some(word.text));
                }
            }
            '{' => braces += 1,
            '}' => {
                braces = braces.saturating_sub(1);
                body = body.filter(|_| braces > 0);
            }
            '=' if braces == 0 && body.is_none() => {
                holder = before.trim_end_matches(['[', ']']).rsplit(|c| !is_word(c)).next();
            }
            ';' if braces == 0 => holder = None,
            _ => {}
        }
        at += c.len_utf8();
    }
    words
}

/// The flags that let an allocation sleep and that a body passes to a function.
fn sleeping_flags(body: &str) -> BTreeSet<&str> {
    let passed = |(at, _): (usize, &str)| {
        let start = body[..at].trim_end_matches(is_word).len();
        let end = at + body[at..].find(|c| !is_word(c)).unwrap_or(body.len() - at);
        let is_argument = body[..start].trim_end().ends_with([',', '('])
            && body[end..].trim_start().starts_with([',', ')', '|']);
        let flag = &body[start..end];
        (is_argument && notable::is_sleeping_flag(flag)).then_some(flag)
    };
    body.match_indices("GFP_").filter_map(passed).collect()
}

/// A macro of a file.
struct Macro {
    name: String,
    parameters: Vec<String>,
    /// Whether it is used without parentheses.
    is_plain: bool,
    /// What it stands for; empty if that depends on a condition.
    body: String,
}

impl Macro {
    /// What follows `define`, in one line.
    fn new(text: &str) -> Macro {
        let text = text.trim_start();
        let (name, rest) = text.split_at(text.find(|c| !is_word(c)).unwrap_or(text.len()));
        let listed = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
        let (parameters, body) = listed.unwrap_or(("", rest));
        let parameters = parameters.split(',').map(|name| name.trim().to_owned()).collect();
        let (name, body) = (name.to_owned(), body.to_owned());
        Macro { name, parameters, is_plain: listed.is_none(), body }
    }
}

/// A text without directives of the preprocessor and without code that one of them may leave out,
/// and the macros that it defines.
fn without_directives(text: &str) -> (String, Vec<Macro>) {
    let mut out = String::with_capacity(text.len());
    let mut macros: Vec<Macro> = Vec::new();
    let mut depth = 0_usize;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(directive) = line.trim_start().strip_prefix('#').map(str::trim_start) else {
            if depth == 0 {
                out.push_str(line);
            }
            out.push('\n');
            continue;
        };
        let mut whole = String::new();
        let mut part = directive.trim_end();
        while let Some(start) = part.strip_suffix('\\') {
            whole.push_str(start);
            out.push('\n');
            part = lines.next().unwrap_or_default().trim_end();
        }
        whole.push_str(part);
        out.push('\n');
        if whole.starts_with("if") {
            depth += 1;
        } else if whole.starts_with("endif") {
            depth = depth.saturating_sub(1);
        } else if let Some(rest) = whole.strip_prefix("define") {
            let found = Macro::new(rest);
            let body = if depth == 0 { found.body } else { String::new() };
            macros.push(Macro { body, ..found });
        }
    }
    (out, macros)
}

/// The text between the braces of a function's definition.
fn body_in_c<'t>(text: &'t str, function: &str) -> Option<&'t str> {
    text.match_indices(function).find_map(|(at, _)| {
        let rest = &text[at + function.len()..];
        if text[..at].ends_with(is_word) || !rest.trim_start().starts_with('(') {
            return None;
        }
        let end = closing(rest, '(', ')').filter(|end| *end < MAX_PARAMS)?;
        let rest = &rest[end + 1..];
        let rest = rest.trim_start();
        rest.starts_with('{').then_some(())?;
        Some(&rest[..closing(rest, '{', '}')?])
    })
}

/// Where the first bracket closes.
fn closing(text: &str, open: char, close: char) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        if open == '(' && at > MAX_PARAMS {
            return None;
        } else if c == open {
            depth += 1;
        } else if c == close {
            depth = depth.checked_sub(1)?;
            if depth == 0 {
                return Some(at);
            }
        }
    }
    None
}

/// A text in C with spaces in place of comments, strings and characters.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest[2..].find("*/").map_or(rest.len(), |end| end + 4),
            '"' | '\'' => {
                let mut escaped = false;
                let end = rest.char_indices().skip(1).find(|(_, next)| {
                    let ends = !escaped && *next == c;
                    escaped = !escaped && *next == '\\';
                    ends
                });
                end.map_or(rest.len(), |(end, _)| end + 1)
            }
            _ => 0,
        };
        match skipped {
            0 => out.push(c),
            _ => out.push(' '),
        }
        rest = &rest[skipped.max(c.len_utf8())..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calls_of_a_function_in_c_are_found() {
        let text = "static int helper(int n) { return other(n); }\n\
            int show(struct seq_file *m, void *v)\n{\n\
            \t/* not_called(); */ seq_puts(m, \"quoted(1)\");\n\
            \tif (helper(2)) m->op->start(m);\n\treturn ((nested)(3), sizeof(v));\n}\n";
        // Keywords are no functions of the kernel, so they do no harm.
        let called = ["seq_puts", "if", "return", "sizeof", "other"];
        assert_eq!(calls_in_c(text, "show"), called);
        assert_eq!(calls_in_c(text, "helper"), ["other"]);
        assert_eq!(calls_in_c(text, "missing"), [] as [&str; 0]);
        assert_eq!(calls_in_c("int show(void) { a(", "show"), [] as [&str; 0]);
        let text = "#define nap(n) \\\n\tsleep(n)\nint f(gfp_t g)\n{\n#if 0\n\tg(1);\n# endif\n\
            \tnap(1);\n\tif (g == GFP_KERNEL) h(2, GFP_NOFS | __GFP_ZERO);\n}\n";
        assert_eq!(calls_in_c(text, "f"), ["GFP_NOFS", "if", "h", "sleep"]);
        let text = "int f(int n) { return h(n); }\nint h(int n) { return f(n); }";
        assert_eq!(calls_in_c(text, "f"), ["f"]);
        // A letter beyond ASCII, a call of itself, and a member.
        let text = "int f(int n) { return \u{e9}(1) + f(n) + m -> g(2); }";
        assert_eq!(calls_in_c(text, "f"), ["f"]);
    }

    #[test]
    fn calls_in_macros_of_the_file_are_found() {
        let text = "#define END(t) kthread_stop(t)\n\
            #define ALL do { END(t); \\\n\trcu_barrier(); \\\n\
            } while (0)\n#define CALL(f, n) f(n)\n#define msleep(n) note(msleep(n))\n\
            #ifdef X\n#define MAYBE() mutex_lock(&m)\n#endif\n#define FLAGS (GFP_KERNEL | 1)\n\
            #define LOOP LOOP\nvoid a(void) { END(t); }\nvoid b(void) { ALL; }\n\
            void c(void) { CALL(x, 1); MAYBE(); g(n == FLAGS); LOOP; }\n\
            void d(void) { msleep(1); }";
        assert_eq!(calls_in_c(text, "a"), ["kthread_stop"]);
        assert_eq!(calls_in_c(text, "b"), ["rcu_barrier", "while", "kthread_stop"]);
        assert_eq!(calls_in_c(text, "c"), ["g"]);
        assert_eq!(calls_in_c(text, "d"), ["msleep", "note"]);
    }

    #[test]
    fn functions_that_c_gives_away_are_found() {
        let text = "static void run(struct work_struct *w) {}\n\
            static int compare(const void *a, const void *b) { return 0; }\n\
            static int reboot(struct notifier_block *b, unsigned long e, void *d) { return 0; }\n\
            static struct notifier_block block = { .notifier_call = reboot };\n\
            static void later(struct work_struct *w)\n{\n\
            \tINIT_WORK(w, run);\n\tqueue_work_on(1, wq, w);\n}\n\
            int show(struct seq_file *m, void *v)\n{\n\
            \tsort(m->buf, 4, 4, compare, NULL);\n\tm->run(1);\n\treturn run2(m) + block.x;\n}\n\
            int all(void)\n{\n\tlater(0);\n\treturn register_reboot_notifier(&block);\n}\n";
        assert_eq!(given_in_c(text, "show"), []);
        let given = |function: &str| {
            let given = given_in_c(text, function);
            given.into_iter().map(|(given, by)| format!("{given}: {by}")).collect::<Vec<_>>()
        };
        assert_eq!(given("later"), ["run: INIT_WORK"]);
        assert_eq!(given("all"), ["reboot: register_reboot_notifier", "run: INIT_WORK"]);
        assert_eq!(given("show"), [] as [&str; 0]);
        assert_eq!(given_in_c("int f(void) { mod_timer(((", "f"), []);
        // A structure on the stack, of which the callee takes what it needs.
        let text = "static bool each(void *c) { return 1; }\nstatic DEFINE_TIMER(beat, each);\n\
            int f(struct file *file)\n{\n\tstruct dir_context c = { .actor = each };\n\
            \titerate_dir(file, &c);\n\tmod_timer(theirs, 5);\n\treturn 0;\n}\n\
            int g(void) { return mod_timer(&beat, 5); }\n";
        assert_eq!(given_in_c(text, "f"), []);
        assert_eq!(given_in_c(text, "g"), [("each".to_owned(), "mod_timer".to_owned())]);
    }
}
