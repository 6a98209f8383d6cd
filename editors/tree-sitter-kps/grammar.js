// SPDX-License-Identifier: GPL-2.0
// The language of specs, for editors: it finds the keywords, and where Rust is.
//
// It accepts what `kpsc check` accepts, and more: the heads of items are read closely enough to
// colour them, and Rust is a run of tokens in which brackets match. The suite `editors` compares
// its keywords with the table of constructs, and parses every spec of the repository with it.

const list = (rule) => seq(rule, repeat(seq(',', rule)));

// The first words of Rust items that end with a block. Other statements end with `;` alone.
const rust = ['enum', 'extern', 'fn', 'impl', 'macro_rules', 'struct', 'trait', 'union', 'unsafe'];

module.exports = grammar({
  name: 'kps',

  word: ($) => $._word,

  extras: ($) => [/\s/, $.line_comment, $.block_comment],

  rules: {
    source_file: ($) => repeat(choice($.patch, ';')),

    patch: ($) => seq('patch', field('name', $.name), '{', repeat($._patch_item), '}'),

    _patch_item: ($) =>
      choice(
        $.text_clause,
        $.require,
        $.atomic,
        $.param,
        $.family,
        $.over,
        $.state,
        $.shadow,
        $.resource,
        $.object,
        $.c_file,
        $.test,
        $.module_file,
        $.rust_item,
        ';',
      ),

    text_clause: ($) =>
      seq(choice('license', 'author', 'version', 'fixes', 'kernel'), list($.string), ';'),
    require: ($) => seq('require', $.name, optional(seq('=', $.string)), ';'),
    atomic: ($) => seq('atomic', 'replace', optional(seq('if', $.name)), ';'),
    family: ($) => seq('family', $.name, ';'),
    over: ($) => seq('over', list($.name), ';'),

    param: ($) =>
      seq(
        'param',
        optional(seq('(', 'mode', '=', $.number, ')')),
        field('name', $.name),
        ':',
        field('type', $.type),
        '=',
        $._value,
        optional(seq(',', $.string)),
        ';',
      ),
    _value: ($) =>
      choice(seq(optional('-'), $.number), $.string, $.name, $._values),
    _values: ($) => seq('[', repeat(choice($._value, ',')), ']'),

    state: ($) =>
      seq(
        'state',
        '(',
        list(seq(choice('id', 'version'), '=', $.number)),
        ')',
        field('name', $.name),
        ':',
        field('type', $.type),
        $._data_bodies,
      ),
    shadow: ($) =>
      seq(
        'shadow',
        field('name', $.name),
        ':',
        field('type', $.type),
        'on',
        $.name,
        '=',
        field('value', alias($._initial_value, $.rust_code)),
        optional(seq(',', choice('untied', $._freed_by))),
        $._data_bodies,
      ),
    _freed_by: ($) =>
      seq(
        'freed',
        'by',
        choice($.symbol, seq($._owner, '::', $.symbol)),
        '(',
        optional($.rust_code),
        ')',
      ),
    _owner: ($) => choice($.symbol, $.number),
    // A brace behind a name belongs to the value.
    _initial_value: ($) =>
      repeat1(choice($._name_or_struct, $._rust_token, $._parentheses, $._brackets)),
    _name_or_struct: ($) => prec.right(seq($._word, optional($._braces))),
    resource: ($) =>
      seq('resource', field('name', $.name), ':', field('type', $.type), $._data_bodies),
    _data_bodies: ($) => choice(';', seq('{', repeat(choice($.data_body, ';')), '}')),
    data_body: ($) =>
      seq(
        choice('save', 'apply', 'restore', 'ctor', 'dtor', 'acquire', 'release', 'adopt'),
        optional(seq('(', list($.name), optional(','), ')')),
        $._body,
      ),

    object: ($) =>
      seq(
        'object',
        field('name', $._module),
        optional(seq('from', $.string)),
        optional($.when),
        choice(';', seq('{', repeat(choice($.function, $.use, $.callback, ';')), '}')),
      ),
    callback: ($) => seq(choice('pre_patch', 'post_patch', 'pre_unpatch', 'post_unpatch'), $._body),
    use: ($) =>
      seq(
        'use',
        choice(
          seq('fn', field('name', $.symbol), optional($.prototype)),
          seq(choice('static', 'percpu'), field('name', $.symbol), optional(seq(':', field('type', $.type)))),
        ),
        optional($.when),
        ';',
      ),
    function: ($) =>
      seq(
        'fn',
        field('name', $.symbol),
        optional($.prototype),
        optional($.when),
        choice(';', seq('{', repeat(choice($.hook, $.replace_file, $.arguments, ';')), '}')),
      ),
    hook: ($) => seq(choice('replace', 'pre', 'post'), $._body),
    replace_file: ($) => seq('replace', choice('c', 'from'), $.string, ';'),
    arguments: ($) => seq('arguments', $.string, ';'),

    when: ($) => seq('when', choice($.string, seq(choice('has', 'lacks'), $.symbol))),
    prototype: ($) => seq($._parentheses, optional(seq('->', field('type', $.type)))),

    c_file: ($) =>
      seq('c', $.string, choice(';', seq('{', repeat(choice($.c_function, ';')), '}'))),
    c_function: ($) => seq('fn', field('name', $.name), $.prototype, ';'),
    module_file: ($) => seq('mod', field('name', $.name), 'from', $.string, ';'),

    test: ($) =>
      seq(
        'test',
        $.string,
        optional($.when),
        choice(';', seq('{', repeat(choice($._step, ';')), '}')),
      ),
    _step: ($) =>
      choice(
        $.module,
        $.param_of_test,
        $.run,
        $.trigger,
        $.dmesg,
        $.wait,
        $.unpatched,
        $.patched,
        $.always,
      ),
    module: ($) => seq('module', $.string, ';'),
    param_of_test: ($) => seq('param', field('name', $.name), '=', $._value, ';'),
    run: ($) => seq('run', $.string, ';'),
    trigger: ($) =>
      seq('trigger', 'c', $.string, optional(seq('as', choice('user', 'root'))), ';'),
    dmesg: ($) => seq('dmesg', ';'),
    wait: ($) => seq('wait', $.string, $.number, ';'),
    unpatched: ($) => seq('unpatched', choice($._claim, seq('complains', $.string)), ';'),
    patched: ($) => seq('patched', $._claim, ';'),
    always: ($) => seq('always', $._claim, ';'),
    _claim: ($) => choice(seq(choice('has', 'lacks'), $.string), seq('status', $.number)),

    // An item of Rust ends with `;` or with its block. It is all Rust, its keywords too.
    rust_item: ($) =>
      seq(
        repeat($._attribute),
        optional(seq('pub', optional($._parentheses))),
        choice(
          seq(choice('static', 'use', 'type'), repeat($._rust), ';'),
          seq('const', repeat($._rust), ';'),
          seq(
            optional('const'),
            choice(...rust),
            repeat($._rust_but_braces),
            choice(';', $._braces),
          ),
          seq('mod', $._word, choice(';', $._braces)),
        ),
      ),
    _attribute: ($) => seq('#', optional('!'), $._brackets),

    _body: ($) => seq('{', optional($.rust_code), '}'),
    rust_code: ($) => repeat1($._rust_or_semicolon),

    type: ($) => repeat1(choice($._type_token, $._parentheses, $._brackets)),
    _type_token: ($) =>
      choice($._word, $._number, $._string, $._lifetime, $._punctuation, '->', ':'),

    _rust_or_semicolon: ($) => choice($._rust, ';'),
    _rust: ($) => choice($._rust_but_braces, $._braces),
    _rust_but_braces: ($) => choice($._word, $._rust_token, ',', $._parentheses, $._brackets),
    _rust_token: ($) =>
      choice(
        $._number,
        $._string,
        $._raw_string,
        $._character,
        $._lifetime,
        $._punctuation,
        // What is a token of its own elsewhere.
        choice('->', ':', '::', '=', '-', '#', '!', '@'),
      ),
    _parentheses: ($) => seq('(', repeat($._rust_or_semicolon), ')'),
    _brackets: ($) => seq('[', repeat($._rust_or_semicolon), ']'),
    _braces: ($) => seq('{', repeat($._rust_or_semicolon), '}'),

    symbol: ($) => seq($._symbol_name, optional(seq('@', $.number))),
    _symbol_name: (_) => /[A-Za-z_.][A-Za-z0-9_.$]*/,
    _module: ($) => choice($.name, $.number),
    name: ($) => $._word,
    _word: (_) => /[A-Za-z_][A-Za-z0-9_]*/,
    number: ($) => $._number,
    _number: (_) => /[0-9][A-Za-z0-9_]*(\.[0-9][A-Za-z0-9_]*)?/,
    string: ($) => $._string,
    _string: (_) => /[bc]?"([^"\\]|\\(.|\n))*"/,
    _raw_string: (_) =>
      choice(/[bc]?r"[^"]*"/, /[bc]?r#"([^"]|"+[^"#])*"+#/, /[bc]?r##"([^"]|"+#?[^"#])*"+##/),
    _character: (_) => /b?'([^'\\\n]|\\[^u\n][0-9a-fA-F]?|\\u\{[0-9a-fA-F_]+\})'/,
    _lifetime: (_) => /'[A-Za-z_][A-Za-z0-9_]*/,
    _punctuation: (_) => /[^\sA-Za-z0-9_"(){}\[\];,]/,

    line_comment: (_) => token(seq('//', /[^\n]*/)),
    block_comment: (_) => token(seq('/*', /[^*]*\*+([^/*][^*]*\*+)*/, '/')),
  },
});
