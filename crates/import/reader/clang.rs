// SPDX-License-Identifier: GPL-2.0
//! Values around the functions of libclang.
//!
//! The one translation unit of the process is never disposed of. So every cursor, type and location
//! is valid for as long as the process runs, and may be copied.

use crate::libclang::*;
use std::ffi::{c_char, c_int, c_uint, c_ulong, c_void, CStr, CString};
use std::ptr::null_mut;

pub use crate::libclang::{
    Cursor, Location, Type, COMPOUND, CONSTANT_ARRAY, DECLARATION_REF, DECLARATION_STATEMENT, ENUM,
    ENUM_CONSTANT, FIELD, FUNCTION, INCLUSION, INCOMPLETE_ARRAY, MACRO_DEFINITION, MACRO_EXPANSION,
    MEMBER_REF, MEMBER_REF_EXPRESSION, POINTER, STRUCT, TYPEDEF, TYPE_REF, UNION, VARIABLE,
    VARIABLE_ARRAY, VARIABLE_REF,
};

/// enum CX_StorageClass.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// `extern`.
    Extern,
    /// `static`.
    Static,
    /// None.
    None,
    /// Another one.
    Other,
}

/// A file that clang has read (`CXFile`).
#[derive(Clone, Copy)]
pub struct File(*mut c_void);

/// The translation unit.
#[derive(Clone, Copy)]
pub struct Unit(*mut c_void);

/// Copies a text of libclang.
fn own(text: RawText) -> String {
    // SAFETY: libclang has just made the text. It ends with a zero, and nobody else disposes of it.
    unsafe {
        let data = clang_getCString(text);
        let copy = match data.is_null() {
            true => String::new(),
            false => CStr::from_ptr(data).to_string_lossy().into_owned(),
        };
        clang_disposeString(text);
        copy
    }
}

impl Unit {
    /// Parses a file, with texts in the place of it and of others.
    pub fn parse(
        file: &str,
        texts: &[(String, Vec<u8>)],
        options: &[String],
    ) -> Result<Unit, String> {
        // CXTranslationUnit_DetailedPreprocessingRecord and CXTranslationUnit_KeepGoing.
        const FLAGS: c_uint = 0x01 | 0x200;
        let c_text = |text: &str| CString::new(text).map_err(|error| error.to_string());
        let name = c_text(file)?;
        let options: Vec<CString> =
            options.iter().map(|option| c_text(option)).collect::<Result<_, _>>()?;
        let options: Vec<*const c_char> = options.iter().map(|option| option.as_ptr()).collect();
        let names: Vec<CString> =
            texts.iter().map(|(name, _)| c_text(name)).collect::<Result<_, _>>()?;
        let mut unsaved: Vec<UnsavedFile> = names
            .iter()
            .zip(texts)
            .map(|(name, (_, text))| UnsavedFile {
                name: name.as_ptr(),
                contents: text.as_ptr().cast(),
                len: text.len() as c_ulong,
            })
            .collect();
        let mut unit = null_mut();
        // SAFETY: all pointers are to values above, which live as long as the call. libclang copies
        // what it keeps.
        let code = unsafe {
            let index = clang_createIndex(0, 0);
            clang_parseTranslationUnit2(
                index,
                name.as_ptr(),
                options.as_ptr(),
                options.len() as c_int,
                unsaved.as_mut_ptr(),
                unsaved.len() as c_uint,
                FLAGS,
                &mut unit,
            )
        };
        match code == 0 && !unit.is_null() {
            true => Ok(Unit(unit)),
            false => Err(format!("clang cannot read {file} (error {code})")),
        }
    }

    /// The cursor of everything.
    pub fn cursor(self) -> Cursor {
        // SAFETY: the unit is valid.
        unsafe { clang_getTranslationUnitCursor(self.0) }
    }

    /// The file of this name.
    pub fn file(self, name: &str) -> Option<File> {
        let name = CString::new(name).ok()?;
        // SAFETY: the unit is valid, and the name lives as long as the call.
        let file = unsafe { clang_getFile(self.0, name.as_ptr()) };
        (!file.is_null()).then_some(File(file))
    }

    /// What a file holds.
    pub fn contents(self, file: File) -> &'static [u8] {
        let mut len = 0;
        // SAFETY: the unit keeps the contents, and it is never disposed of.
        unsafe {
            let data = clang_getFileContents(self.0, file.0, &mut len);
            match data.is_null() {
                true => &[],
                false => std::slice::from_raw_parts(data.cast(), len),
            }
        }
    }

    /// The parts of a file that the preprocessor has skipped.
    pub fn skipped(self, file: File) -> Vec<(usize, usize)> {
        // SAFETY: the unit is valid, and nobody disposes of the ranges.
        let ranges = unsafe {
            let ranges = clang_getSkippedRanges(self.0, file.0);
            match ranges.is_null() || (*ranges).count == 0 {
                true => &[],
                false => std::slice::from_raw_parts((*ranges).ranges, (*ranges).count as usize),
            }
        };
        let ends = |range: &RawRange| {
            let (start, end) = range.ends();
            (start.in_file().1, end.in_file().1)
        };
        ranges.iter().map(ends).collect()
    }

    /// The errors, each with its place.
    pub fn errors(self) -> Vec<(Location, String)> {
        const ERROR: c_int = 3;
        // SAFETY: the unit is valid, and the numbers are below the number of diagnostics.
        unsafe {
            let all = (0..clang_getNumDiagnostics(self.0)).map(|n| clang_getDiagnostic(self.0, n));
            all.filter(|one| clang_getDiagnosticSeverity(*one) >= ERROR)
                .map(|one| {
                    (clang_getDiagnosticLocation(one), own(clang_getDiagnosticSpelling(one)))
                })
                .collect()
        }
    }
}

impl File {
    /// Its name, as it was found.
    pub fn name(self) -> String {
        // SAFETY: the unit that has the file is never disposed of.
        own(unsafe { clang_getFileName(self.0) })
    }
}

impl PartialEq for File {
    fn eq(&self, other: &File) -> bool {
        // SAFETY: the unit that has the files is never disposed of.
        self.0 == other.0 || unsafe { clang_File_isEqual(self.0, other.0) } != 0
    }
}

impl RawRange {
    fn ends(&self) -> (Location, Location) {
        // SAFETY: the range is a value of libclang's.
        unsafe { (clang_getRangeStart(*self), clang_getRangeEnd(*self)) }
    }
}

impl Location {
    /// The file and the offset in it. What a macro makes is where the macro stands; what an
    /// argument of a macro makes is where the argument stands.
    pub fn in_file(self) -> (Option<File>, usize) {
        let (mut file, mut offset) = (null_mut(), 0);
        // SAFETY: libclang accepts null for what is not asked for.
        unsafe {
            clang_getFileLocation(self, &mut file, null_mut(), null_mut(), &mut offset);
        }
        ((!file.is_null()).then_some(File(file)), offset as usize)
    }
}

/// Collects the children of a cursor.
extern "C" fn collect(child: Cursor, _parent: Cursor, data: *mut c_void) -> c_int {
    const CONTINUE: c_int = 1;
    // SAFETY: `children` passes its own list, and nothing else uses it meanwhile.
    unsafe { (*data.cast::<Vec<Cursor>>()).push(child) };
    CONTINUE
}

// SAFETY of all calls below: a cursor or a type comes from libclang, and the unit that it points
// into is never disposed of.
impl Cursor {
    /// Its kind.
    pub fn kind(self) -> c_int {
        self.kind
    }

    /// Whether it is one.
    pub fn exists(self) -> bool {
        // SAFETY: see above.
        unsafe { clang_isInvalid(self.kind) == 0 }
    }

    fn existing(self) -> Option<Cursor> {
        self.exists().then_some(self)
    }

    /// Whether it is the one of everything.
    pub fn is_unit(self) -> bool {
        // SAFETY: see above.
        unsafe { clang_isTranslationUnit(self.kind) != 0 }
    }

    /// What it consists of.
    pub fn children(self) -> Vec<Cursor> {
        let mut found: Vec<Cursor> = Vec::new();
        // SAFETY: see above; the visitor uses the list only while this call lasts.
        unsafe { clang_visitChildren(self, collect, (&raw mut found).cast()) };
        found
    }

    /// A number that equal cursors share.
    pub fn hash(self) -> u32 {
        // SAFETY: see above.
        unsafe { clang_hashCursor(self) }
    }

    /// Its name, or what it says.
    pub fn spelling(self) -> String {
        // SAFETY: see above.
        own(unsafe { clang_getCursorSpelling(self) })
    }

    /// Where its name is.
    pub fn location(self) -> Location {
        // SAFETY: see above.
        unsafe { clang_getCursorLocation(self) }
    }

    /// Where it starts, and where it ends.
    pub fn extent(self) -> (Location, Location) {
        // SAFETY: see above.
        unsafe { clang_getCursorExtent(self) }.ends()
    }

    /// The declaration that it names.
    pub fn referenced(self) -> Option<Cursor> {
        // SAFETY: see above.
        unsafe { clang_getCursorReferenced(self) }.existing()
    }

    /// Its definition, if the unit has it.
    pub fn definition(self) -> Option<Cursor> {
        // SAFETY: see above.
        unsafe { clang_getCursorDefinition(self) }.existing()
    }

    /// The first of the declarations of the same.
    pub fn canonical(self) -> Cursor {
        // SAFETY: see above.
        unsafe { clang_getCanonicalCursor(self) }
    }

    /// What it is declared in.
    pub fn parent(self) -> Cursor {
        // SAFETY: see above.
        unsafe { clang_getCursorSemanticParent(self) }
    }

    /// What it is written in.
    pub fn around(self) -> Cursor {
        // SAFETY: see above.
        unsafe { clang_getCursorLexicalParent(self) }
    }

    /// Its type.
    pub fn of_type(self) -> Type {
        // SAFETY: see above.
        unsafe { clang_getCursorType(self) }
    }

    /// The file that an `#include` includes.
    pub fn included(self) -> Option<File> {
        // SAFETY: see above.
        let file = unsafe { clang_getIncludedFile(self) };
        (!file.is_null()).then_some(File(file))
    }

    /// The declaration as clang prints it, without a body and a value, with its attributes.
    pub fn printed(self) -> String {
        const SUPPRESS_INITIALIZERS: c_int = 6;
        const TERSE_OUTPUT: c_int = 17;
        // SAFETY: see above. libclang copies what it needs of the policy, which is small and stays.
        own(unsafe {
            let policy = clang_getCursorPrintingPolicy(self);
            clang_PrintingPolicy_setProperty(policy, SUPPRESS_INITIALIZERS, 1);
            clang_PrintingPolicy_setProperty(policy, TERSE_OUTPUT, 1);
            clang_getCursorPrettyPrinted(self, policy)
        })
    }

    /// Its storage class.
    pub fn storage(self) -> Storage {
        // SAFETY: see above.
        match unsafe { clang_Cursor_getStorageClass(self) } {
            1 => Storage::None,
            2 => Storage::Extern,
            3 => Storage::Static,
            _ => Storage::Other,
        }
    }

    /// Whether a function is declared `inline`.
    pub fn is_inline(self) -> bool {
        // SAFETY: see above.
        unsafe { clang_Cursor_isFunctionInlined(self) != 0 }
    }

    /// Whether it defines what is in files in C: a function that is not `inline`, or a variable that
    /// other files can name.
    pub fn is_definition_of_file(self) -> bool {
        match self.kind() {
            VARIABLE => self.storage() == Storage::None,
            FUNCTION => !self.is_inline() && self.definition() == Some(self),
            _ => false,
        }
    }

    /// Whether a variable has an initial value.
    pub fn has_value(self) -> bool {
        // SAFETY: see above.
        unsafe { clang_Cursor_getVarDeclInitializer(self) }.exists()
    }

    /// Whether it has attributes.
    pub fn has_attributes(self) -> bool {
        // SAFETY: see above.
        unsafe { clang_Cursor_hasAttrs(self) != 0 }
    }

    /// Whether a type has no name.
    pub fn is_anonymous(self) -> bool {
        // SAFETY: see above.
        unsafe { clang_Cursor_isAnonymous(self) != 0 }
    }

    /// A parameter of a function.
    pub fn argument(self, number: usize) -> Option<Cursor> {
        // SAFETY: see above. libclang checks the number.
        unsafe { clang_Cursor_getArgument(self, number as c_uint) }.existing()
    }
}

impl PartialEq for Cursor {
    fn eq(&self, other: &Cursor) -> bool {
        // SAFETY: see above.
        unsafe { clang_equalCursors(*self, *other) != 0 }
    }
}

impl Type {
    /// Its kind.
    pub fn kind(self) -> c_int {
        self.kind
    }

    /// Whether it is a function's.
    pub fn is_function(self) -> bool {
        [FUNCTION_PROTOTYPE, FUNCTION_NO_PROTOTYPE].contains(&self.kind)
    }

    /// As C writes it.
    pub fn spelling(self) -> String {
        // SAFETY: see above.
        own(unsafe { clang_getTypeSpelling(self) })
    }

    /// Where a struct, union, enumeration or typedef is declared.
    pub fn declaration(self) -> Option<Cursor> {
        // SAFETY: see above.
        unsafe { clang_getTypeDeclaration(self) }.existing()
    }

    /// The type without typedefs.
    pub fn canonical(self) -> Type {
        // SAFETY: see above.
        unsafe { clang_getCanonicalType(self) }
    }

    /// What a pointer points to.
    pub fn pointee(self) -> Type {
        // SAFETY: see above.
        unsafe { clang_getPointeeType(self) }
    }

    /// The result of a function.
    pub fn result(self) -> Type {
        // SAFETY: see above.
        unsafe { clang_getResultType(self) }
    }

    /// The parameters of a function.
    pub fn parameters(self) -> Vec<Type> {
        // SAFETY: see above; the numbers are below the count.
        unsafe {
            let count = clang_getNumArgTypes(self).max(0);
            (0..count).map(|number| clang_getArgType(self, number as c_uint)).collect()
        }
    }

    /// Whether a function takes any number of further arguments.
    pub fn is_variadic(self) -> bool {
        // SAFETY: see above.
        unsafe { clang_isFunctionTypeVariadic(self) != 0 }
    }

    /// What an array has.
    pub fn element(self) -> Type {
        // SAFETY: see above.
        unsafe { clang_getArrayElementType(self) }
    }

    /// How much of it.
    pub fn len(self) -> i64 {
        // SAFETY: see above.
        unsafe { clang_getArraySize(self) }
    }

    /// Whether it is `const`.
    pub fn is_const(self) -> bool {
        // SAFETY: see above.
        unsafe { clang_isConstQualifiedType(self) != 0 }
    }

    /// Its own qualifiers, each with a space behind it.
    pub fn qualifiers(self) -> String {
        // SAFETY: see above.
        let (is_volatile, is_restrict) = unsafe {
            (clang_isVolatileQualifiedType(self) != 0, clang_isRestrictQualifiedType(self) != 0)
        };
        let all =
            [(self.is_const(), "const "), (is_volatile, "volatile "), (is_restrict, "restrict ")];
        all.iter().filter(|(has, _)| *has).map(|(_, word)| *word).collect()
    }
}
