// SPDX-License-Identifier: GPL-2.0
//! The values of parameters, as `insmod` takes them.

use kps_ast::{GivenParam, ParamValue};

/// `NAME=VALUE ..`, as the kernel reads it.
pub fn arguments(params: &[GivenParam]) -> String {
    params.iter().map(argument).collect::<Vec<_>>().join(" ")
}

/// The same as words for the shell.
pub(super) fn words(params: &[GivenParam]) -> String {
    let quoted = |param| format!(" '{}'", argument(param).replace('\'', r"'\''"));
    params.iter().map(quoted).collect()
}

fn argument(param: &GivenParam) -> String {
    let values: Vec<String> = param.value.values.iter().map(value).collect();
    format!("{}={}", param.name.value, values.join(","))
}

fn value(value: &ParamValue) -> String {
    match value {
        ParamValue::Word(word) => u8::from(word.value == "true").to_string(),
        ParamValue::Number(literal) => number(&literal.value),
        // The kernel drops the quotes and takes everything between them.
        ParamValue::Text(text) => format!("\"{}\"", text.value),
    }
}

/// A Rust literal, in decimal.
fn number(literal: &str) -> String {
    let plain = literal.replace('_', "");
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain.as_str()), |rest| ("-", rest));
    let prefixes = [("0x", 16), ("0o", 8), ("0b", 2)];
    let radix = prefixes
        .into_iter()
        .find_map(|(prefix, radix)| u128::from_str_radix(digits.strip_prefix(prefix)?, radix).ok());
    // It has been checked that a literal without a prefix is decimal.
    radix.map_or(plain.clone(), |value| format!("{sign}{value}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kps_ast::{At, ParamDefault, Span};

    const NOWHERE: Span = Span { start: 0, end: 0 };

    fn text(value: &str) -> At<String> {
        At { value: value.to_owned(), span: NOWHERE }
    }

    fn given(values: Vec<ParamValue>) -> GivenParam {
        let value = ParamDefault { list: values.len() > 1, values, span: NOWHERE };
        GivenParam { name: text("a"), value }
    }

    #[test]
    fn literals_of_rust_are_what_the_kernel_reads() {
        for (literal, wanted) in
            [("1_000", "1000"), ("-3", "-3"), ("0x1F", "31"), ("0o17", "15"), ("-0b10", "-2")]
        {
            assert_eq!(number(literal), wanted);
        }
        let values = ["true", "false"].map(|word| ParamValue::Word(text(word))).to_vec();
        assert_eq!(arguments(&[given(values)]), "a=1,0");
    }

    #[test]
    fn a_string_is_one_word() {
        let given = [given(vec![ParamValue::Text(text("it's $(x) b=1"))])];
        assert_eq!(arguments(&given), "a=\"it's $(x) b=1\"");
        assert_eq!(words(&given), r#" 'a="it'\''s $(x) b=1"'"#);
    }
}
