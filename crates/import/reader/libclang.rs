// SPDX-License-Identifier: GPL-2.0
//! The constants, structs and functions of libclang that the reader uses, as `clang-c/Index.h`
//! declares them.

use std::ffi::{c_char, c_int, c_longlong, c_uint, c_ulong, c_void};

// enum CXCursorKind.
pub const STRUCT: c_int = 2;
pub const UNION: c_int = 3;
pub const ENUM: c_int = 5;
pub const FIELD: c_int = 6;
pub const ENUM_CONSTANT: c_int = 7;
pub const FUNCTION: c_int = 8;
pub const VARIABLE: c_int = 9;
pub const TYPEDEF: c_int = 20;
pub const TYPE_REF: c_int = 43;
pub const MEMBER_REF: c_int = 47;
pub const VARIABLE_REF: c_int = 49;
pub const DECLARATION_REF: c_int = 101;
pub const MEMBER_REF_EXPRESSION: c_int = 102;
pub const COMPOUND: c_int = 202;
pub const DECLARATION_STATEMENT: c_int = 231;
pub const MACRO_DEFINITION: c_int = 501;
pub const MACRO_EXPANSION: c_int = 502;
pub const INCLUSION: c_int = 503;

// enum CXTypeKind.
pub const POINTER: c_int = 101;
pub const FUNCTION_NO_PROTOTYPE: c_int = 110;
pub const FUNCTION_PROTOTYPE: c_int = 111;
pub const CONSTANT_ARRAY: c_int = 112;
pub const INCOMPLETE_ARRAY: c_int = 114;
pub const VARIABLE_ARRAY: c_int = 115;

/// A text of libclang's (`CXString`).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RawText {
    data: *const c_void,
    flags: c_uint,
}

/// A declaration, an expression, or a part of one (`CXCursor`).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Cursor {
    pub kind: c_int,
    extra: c_int,
    data: [*const c_void; 3],
}

/// A type (`CXType`).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Type {
    pub kind: c_int,
    data: [*mut c_void; 2],
}

/// A place in the files that were read, or in what a macro stands for (`CXSourceLocation`).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Location {
    pointers: [*const c_void; 2],
    number: c_uint,
}

/// A part of a file (`CXSourceRange`).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RawRange {
    pointers: [*const c_void; 2],
    start: c_uint,
    end: c_uint,
}

/// A list of parts (`CXSourceRangeList`).
#[repr(C)]
pub struct RawRanges {
    pub count: c_uint,
    pub ranges: *const RawRange,
}

/// A text in the place of a file (`CXUnsavedFile`).
#[repr(C)]
pub struct UnsavedFile {
    pub name: *const c_char,
    pub contents: *const c_char,
    pub len: c_ulong,
}

/// What is called for each child of a cursor (`CXCursorVisitor`).
pub type Visitor = extern "C" fn(Cursor, Cursor, *mut c_void) -> c_int;

extern "C" {
    pub fn clang_createIndex(exclude: c_int, display: c_int) -> *mut c_void;
    pub fn clang_parseTranslationUnit2(
        index: *mut c_void,
        name: *const c_char,
        options: *const *const c_char,
        count: c_int,
        unsaved: *mut UnsavedFile,
        unsaved_count: c_uint,
        flags: c_uint,
        unit: *mut *mut c_void,
    ) -> c_int;
    pub fn clang_getTranslationUnitCursor(unit: *mut c_void) -> Cursor;
    pub fn clang_getFile(unit: *mut c_void, name: *const c_char) -> *mut c_void;
    pub fn clang_getFileName(file: *mut c_void) -> RawText;
    pub fn clang_getFileContents(
        unit: *mut c_void,
        file: *mut c_void,
        len: *mut usize,
    ) -> *const c_char;
    pub fn clang_File_isEqual(one: *mut c_void, other: *mut c_void) -> c_int;
    pub fn clang_getSkippedRanges(unit: *mut c_void, file: *mut c_void) -> *mut RawRanges;
    pub fn clang_getNumDiagnostics(unit: *mut c_void) -> c_uint;
    pub fn clang_getDiagnostic(unit: *mut c_void, number: c_uint) -> *mut c_void;
    pub fn clang_getDiagnosticSeverity(diagnostic: *mut c_void) -> c_int;
    pub fn clang_getDiagnosticLocation(diagnostic: *mut c_void) -> Location;
    pub fn clang_getDiagnosticSpelling(diagnostic: *mut c_void) -> RawText;
    pub fn clang_getCString(text: RawText) -> *const c_char;
    pub fn clang_disposeString(text: RawText);
    pub fn clang_visitChildren(cursor: Cursor, visitor: Visitor, data: *mut c_void) -> c_uint;
    pub fn clang_equalCursors(one: Cursor, other: Cursor) -> c_uint;
    pub fn clang_hashCursor(cursor: Cursor) -> c_uint;
    pub fn clang_isTranslationUnit(kind: c_int) -> c_uint;
    pub fn clang_isInvalid(kind: c_int) -> c_uint;
    pub fn clang_getCursorLocation(cursor: Cursor) -> Location;
    pub fn clang_getCursorExtent(cursor: Cursor) -> RawRange;
    pub fn clang_getRangeStart(range: RawRange) -> Location;
    pub fn clang_getRangeEnd(range: RawRange) -> Location;
    pub fn clang_getFileLocation(
        location: Location,
        file: *mut *mut c_void,
        line: *mut c_uint,
        column: *mut c_uint,
        offset: *mut c_uint,
    );
    pub fn clang_getCursorSpelling(cursor: Cursor) -> RawText;
    pub fn clang_getCursorReferenced(cursor: Cursor) -> Cursor;
    pub fn clang_getCursorDefinition(cursor: Cursor) -> Cursor;
    pub fn clang_getCanonicalCursor(cursor: Cursor) -> Cursor;
    pub fn clang_getCursorSemanticParent(cursor: Cursor) -> Cursor;
    pub fn clang_getCursorLexicalParent(cursor: Cursor) -> Cursor;
    pub fn clang_getCursorType(cursor: Cursor) -> Type;
    pub fn clang_getIncludedFile(cursor: Cursor) -> *mut c_void;
    pub fn clang_getCursorPrintingPolicy(cursor: Cursor) -> *mut c_void;
    pub fn clang_PrintingPolicy_setProperty(policy: *mut c_void, property: c_int, value: c_uint);
    pub fn clang_getCursorPrettyPrinted(cursor: Cursor, policy: *mut c_void) -> RawText;
    pub fn clang_Cursor_getStorageClass(cursor: Cursor) -> c_int;
    pub fn clang_Cursor_isFunctionInlined(cursor: Cursor) -> c_uint;
    pub fn clang_Cursor_getVarDeclInitializer(cursor: Cursor) -> Cursor;
    pub fn clang_Cursor_hasAttrs(cursor: Cursor) -> c_uint;
    pub fn clang_Cursor_isAnonymous(cursor: Cursor) -> c_uint;
    pub fn clang_Cursor_getArgument(cursor: Cursor, number: c_uint) -> Cursor;
    pub fn clang_getTypeSpelling(of: Type) -> RawText;
    pub fn clang_getTypeDeclaration(of: Type) -> Cursor;
    pub fn clang_getCanonicalType(of: Type) -> Type;
    pub fn clang_getPointeeType(of: Type) -> Type;
    pub fn clang_getResultType(of: Type) -> Type;
    pub fn clang_getNumArgTypes(of: Type) -> c_int;
    pub fn clang_getArgType(of: Type, number: c_uint) -> Type;
    pub fn clang_isFunctionTypeVariadic(of: Type) -> c_uint;
    pub fn clang_getArrayElementType(of: Type) -> Type;
    pub fn clang_getArraySize(of: Type) -> c_longlong;
    pub fn clang_isConstQualifiedType(of: Type) -> c_uint;
    pub fn clang_isVolatileQualifiedType(of: Type) -> c_uint;
    pub fn clang_isRestrictQualifiedType(of: Type) -> c_uint;
}
