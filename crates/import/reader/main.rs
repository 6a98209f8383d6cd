// SPDX-License-Identifier: GPL-2.0
//! Reads a C file of the kernel with clang, and prints what it and some of its headers define and
//! what each definition uses: for each file the JSON of `Unit` in `crates/import/src/unit.rs`.
//!
//! A program of its own, because it reads a stranger's C: kpsc compiles it with the rustc of a
//! target's compilers and runs it where they run. There are no crates there, so everything is std,
//! and libclang is called as `clang-c/Index.h` declares it ([`libclang`]).
//!
//! ```text
//! reader TOP FILE=TEXT.. -- OPTION..
//! ```
//!
//! The first FILE is read. It is the path that the text in TEXT stands for, so that
//! `#include "local.h"` finds what is beside it; the others are headers, with `null` in their place
//! if the first does not include them. TOP is the top of the source.

#![warn(missing_docs)]

mod clang;
mod declare;
mod items;
mod json;
mod libclang;
mod macros;
mod paths;
mod text;
mod uses;

use clang::{Cursor, File, Storage, Unit};
use macros::Macros;
use paths::Paths;
use std::ops::Range;
use text::Text;

/// clang's own limit of nested brackets is 256, but chains of operators nest without one.
const STACK: usize = 1 << 30;

fn main() {
    let reading = std::thread::Builder::new().stack_size(STACK).spawn(read);
    let result = match reading.map(std::thread::JoinHandle::join) {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err("the reader has stopped".to_owned()),
        Err(error) => Err(format!("cannot start: {error}")),
    };
    match result {
        Ok(json) => println!("{json}"),
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    }
}

fn read() -> Result<String, String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    const USAGE: &str = "usage: reader TOP FILE=TEXT.. -- OPTION..";
    let [top, arguments @ ..] = arguments.as_slice() else { return Err(USAGE.to_owned()) };
    let count = arguments.iter().position(|word| word == "--").ok_or(USAGE)?;
    let read = |word: &String| {
        let (file, text) = word.split_once('=').ok_or(USAGE)?;
        let bytes = std::fs::read(text).map_err(|error| format!("cannot read {text}: {error}"))?;
        Ok((file.to_owned(), bytes))
    };
    let texts: Vec<_> = arguments[..count].iter().map(read).collect::<Result<_, String>>()?;
    let Some((file, _)) = texts.first() else { return Err(USAGE.to_owned()) };
    let unit = Unit::parse(file, &texts, &arguments[count + 1..])?;
    unit.file(file).ok_or("clang has not read the file")?;
    let paths = Paths::new(top);
    let names: Vec<String> = texts.iter().filter_map(|(file, _)| paths.below(file)).collect();
    let of = |(file, text): &(String, Vec<u8>)| match unit.file(file) {
        Some(file) => Source::new(unit, file, Text::new(text.clone()), &paths, &names).json(),
        None => "null".to_owned(),
    };
    Ok(json::list(texts.iter().map(of)))
}

/// An `#include` of a file.
#[derive(Default)]
struct Included {
    /// Where the line is.
    at: usize,
    /// The file that clang has included.
    path: Option<String>,
    /// Whether that file defines functions or variables that other files can name, by itself.
    defines: bool,
    /// Whether that file has `static` functions that are not `inline`: it is a part of a file in C.
    is_part: bool,
    /// Whether it describes trace events, which it makes only where `CREATE_TRACE_POINTS` is defined.
    is_trace: bool,
    /// Those of the headers that are read of which this line is the first to include them, itself
    /// or through others.
    brings: Vec<Brought>,
    /// The kernel's public headers that this line includes through headers that are not public.
    public: Vec<String>,
}

/// A header that is included.
#[derive(Clone)]
pub struct Brought {
    path: String,
    /// The public headers that are included before.
    behind: Vec<String>,
}

/// A file that clang has read.
struct Source<'p> {
    unit: Unit,
    main: File,
    text: Text,
    paths: &'p Paths,
    macros: Macros,
    /// What the file has at file scope.
    declared: Vec<Cursor>,
    /// Its `#include`s.
    included: Vec<Included>,
}

impl<'p> Source<'p> {
    /// `headers` are those that are read, too.
    fn new(
        unit: Unit,
        main: File,
        text: Text,
        paths: &'p Paths,
        headers: &[String],
    ) -> Source<'p> {
        let mut missing: Vec<&String> = headers.iter().collect();
        let mut source = Source {
            unit,
            main,
            text,
            paths,
            macros: Macros::default(),
            declared: Vec::new(),
            included: Vec::new(),
        };
        for cursor in source.unit.cursor().children() {
            match cursor.kind() {
                clang::MACRO_DEFINITION => source.macros.define(cursor),
                clang::MACRO_EXPANSION => {
                    if let Some(range) = source.range(cursor) {
                        source.macros.expand(cursor, range);
                    }
                }
                clang::INCLUSION => source.include(cursor, &mut missing),
                _ if source.place(cursor).is_some() => source.declared.push(cursor),
                _ if cursor.is_definition_of_file() => source.defined_in_header(cursor),
                _ => {}
            }
        }
        source.macros.finish(main);
        source
    }

    /// An `#include` of the file, or of a header that its last one has included.
    fn include(&mut self, cursor: Cursor, missing: &mut Vec<&String>) {
        let path = cursor.included().and_then(|file| self.paths.below(&file.name()));
        if let Some(at) = self.place(cursor) {
            self.included.push(Included { at, path: path.clone(), ..Included::default() });
            return self.bring(path, missing);
        }
        let Some(last) = self.included.last_mut() else { return };
        last.is_trace |= path.as_deref() == Some("include/trace/define_trace.h");
        let is_public = |path: &Option<String>| {
            path.as_ref().is_none_or(|path| path.starts_with("include/") || path.contains("/include/"))
        };
        let file = cursor.location().in_file().0;
        let from = file.and_then(|file| self.paths.below(&file.name()));
        if is_public(&path) && !is_public(&from) {
            last.public.push(cursor.spelling());
        }
        self.bring(path, missing);
    }

    /// The last line of the file that is an `#include` brings a header.
    fn bring(&mut self, path: Option<String>, missing: &mut Vec<&String>) {
        let number = missing.iter().position(|header| Some(*header) == path.as_ref());
        if let (Some(number), Some(last)) = (number, self.included.last_mut()) {
            let (path, behind) = (missing.remove(number).clone(), last.public.clone());
            last.brings.push(Brought { path, behind });
        }
    }

    /// A header's definition of what a file in C has. A file may include such a header several
    /// times, in functions too.
    fn defined_in_header(&mut self, cursor: Cursor) {
        let file = cursor.location().in_file().0;
        let Some(path) = file.and_then(|file| self.paths.below(&file.name())) else { return };
        let included = self.included.iter_mut();
        included
            .filter(|one| one.path.as_ref() == Some(&path) && !one.is_trace)
            .for_each(|one| match cursor.storage() {
                Storage::Static => one.is_part = true,
                _ => one.defines = true,
            });
    }

    fn json(&self) -> String {
        let items = items::items(self);
        let mut list = json::List::default();
        items::json(self, &items).into_iter().for_each(|item| list.push(item));
        let mut errors = json::List::default();
        self.errors().iter().for_each(|error| errors.push(json::text(error)));
        json::object([("items", list.finish()), ("errors", errors.finish())])
    }

    /// Where a cursor is in the file; `None` if it is elsewhere. What a macro makes is where the
    /// macro stands.
    fn place(&self, cursor: Cursor) -> Option<usize> {
        self.offset(cursor.location())
    }

    /// The same for a location.
    fn offset(&self, location: clang::Location) -> Option<usize> {
        let (file, offset) = location.in_file();
        (file? == self.main).then_some(offset)
    }

    /// The bytes of the file that a cursor is made from: those of a macro's call, if it is made by
    /// a macro in part.
    fn range(&self, cursor: Cursor) -> Option<Range<usize>> {
        let (start, end) = cursor.extent();
        let (start, end) = (self.offset(start)?, self.offset(end)?);
        let start = self.macros.around(start).map_or(start, |call| call.start);
        // The end may be in the middle of a call. What a macro pastes together ends where the call
        // starts.
        let pasted = self
            .macros
            .around(end)
            .filter(|call| call.start == end && (start == end || self.text.is_blank(end - 1..end)));
        let around = pasted.or_else(|| self.macros.around_end(end));
        let end = around.map_or(end, |call| call.end);
        (start <= end && end <= self.text.len()).then_some(start..end)
    }

    /// What clang says about the file, as `LINE: MESSAGE`.
    fn errors(&self) -> Vec<String> {
        let found = self.unit.errors().into_iter();
        let mut errors: Vec<String> = found
            .filter_map(|(location, message)| {
                let at = self.offset(location)?;
                Some(format!("{}: {message}", self.text.line(at)))
            })
            .collect();
        errors.dedup();
        errors
    }
}
