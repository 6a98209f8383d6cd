// SPDX-License-Identifier: GPL-2.0
//! The code of a module: its metadata, its changes, and the call that enables it.

use crate::body::callback;
use crate::data;
use crate::func::{entry_signature, func};
use crate::gate::{self, gate, gate_ident};
use crate::in_c;
use crate::kernel_crate;
use crate::message;
use crate::names::{self, func_names, ident, object_ident, FuncNames};
use crate::params;
use crate::types::{externs, Names};
use crate::{Body, Contents};
use kps_plan::{
    CInt, Callback, Module, Object, ObjectName, ParamType, Patch, Replace, Signature, Symbol, Type,
    Uses, NOTE_SECTION,
};
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote};
use std::collections::BTreeSet;
use std::ffi::CString;

/// The crate root of a module that contains only the patch.
pub(crate) fn root<B>(patch: &Patch<B>, contents: &Contents) -> TokenStream {
    let title = format!(" The livepatch `{}` for Linux {}.", patch.name, patch.target.release);
    let types_file = format!("{}_types.rs", patch.name);
    let Contents { allowed, declaration, loader, items, livepatch, .. } = contents;
    quote! {
        #![doc = #title]
        //!
        //! kpsc wrote this file. Change the spec and not this.
        #![allow(#allowed)]

        #[allow(dead_code, unused_imports, unused_macros)]
        #[path = "kps/lib.rs"]
        mod kps;
        #[path = #types_file]
        mod types;

        #[allow(unused_imports)]
        use self::{kps::prelude::*, types::*};

        #declaration
        #loader
        #items
        #livepatch
    }
}

/// The lints that generated code violates.
pub(crate) fn allowed() -> TokenStream {
    // Overlapping members are behind a `Deref`. rustc 1.89 warns about it where a pointer is
    // dereferenced; older versions do not know the lint.
    quote!(missing_docs, unreachable_pub, unknown_lints, dangerous_implicit_autorefs)
}

/// The data that the loader reads.
pub(crate) fn loader<B>(patch: &Patch<B>) -> TokenStream {
    let modinfo = modinfo(patch);
    let params = patch.params.as_ref().map(|params| params::records(&patch.kernel.types, params));
    let names = long_names(patch);
    quote! {
        #modinfo
        #params
        #names
    }
}

/// The meanings of short placeholders, if there are any.
fn long_names<B>(patch: &Patch<B>) -> Option<TokenStream> {
    let symbols = patch.livepatch_symbols();
    let is_short = |symbol: &Symbol| symbol.placeholder() != symbol.long_placeholder();
    let names: BTreeSet<String> =
        symbols.filter(is_short).map(|symbol| symbol.long_placeholder()).collect();
    (!names.is_empty()).then(|| quote!(kps::shim::long_names!(#(#names),*);))
}

/// The code that bodies are part of.
pub(crate) fn items<B: Body>(patch: &Patch<B>) -> TokenStream {
    let names = func_names(patch);
    let params = patch.params.as_ref().map(|all| params::values(all, &in_c::params(patch)));
    let data = patch.has_data().then(|| data::statics(patch));
    let in_c = in_c::functions(patch);
    let items = patch.items.iter().map(Body::tokens);
    let modules = patch.modules.iter().map(author_module);
    let objects =
        patch.objects.iter().zip(&names).map(|(object, names)| self::object(patch, object, names));
    // The author's items come first, because a `macro_rules!` is in scope only behind itself.
    quote! {
        #(#items)*
        #(#modules)*
        #params
        #data
        #in_c
        #(#objects)*
    }
}

/// `.modinfo` entries for which `module!` has no key.
fn modinfo<B>(patch: &Patch<B>) -> TokenStream {
    let livepatch = (format_ident!("LIVEPATCH"), "livepatch=Y".to_owned());
    let version = patch.metadata.version.as_ref();
    let version = version.map(|version| (format_ident!("VERSION"), format!("version={version}")));
    let params = patch.params.iter().flat_map(params::modinfo);
    let lower_case = patch.params.as_ref().map(|_| quote!(#[allow(non_upper_case_globals)]));
    let entries = std::iter::once(livepatch).chain(version).chain(params).map(|(name, entry)| {
        let bytes = format!("{entry}\0").into_bytes();
        let (len, bytes) = (Literal::usize_unsuffixed(bytes.len()), Literal::byte_string(&bytes));
        quote! {
            #[link_section = ".modinfo"]
            #[used]
            static #name: [::core::primitive::u8; #len] = *#bytes;
        }
    });
    quote! {
        /// What `module!` has no key for. The first entry makes the module a livepatch.
        #lower_case
        const _: () = {
            #(#entries)*
        };
    }
}

/// One of the author's modules. Its text comes first, because it may start with inner attributes.
fn author_module<B: Body>(module: &Module<B>) -> TokenStream {
    let (name, items) = (ident(&module.name), module.items.tokens());
    let title = format!(
        " The module in {}, with what is in scope beside the objects.",
        module.items.origin()
    );
    quote! {
        #[doc = #title]
        mod #name {
            #items
            #[allow(unused_imports)]
            use super::*;
        }
    }
}

/// The module of one object: its functions and callbacks.
fn object<B: Body>(patch: &Patch<B>, object: &Object<B>, names: &[FuncNames]) -> TokenStream {
    let name = object_ident(&object.name);
    let title = format!(" What changes in {}.", object.name.as_str());
    let types = &patch.kernel.types;
    let funcs = object.funcs.iter().zip(names).map(|(f, names)| func(types, f, names));
    let callbacks = object.callbacks.each().map(|(name, body)| callback(name, body));
    let mut used = Names::default();
    for func in &object.funcs {
        used.add(types, &func.signature);
        used.add(types, &entry_signature(func));
    }
    if !object.callbacks.is_empty() {
        used.add_named(types, patch.klp.object);
        used.add(types, &CALLBACK);
    }
    let Uses { functions, statics, of_c: _ } = &object.uses;
    functions.iter().for_each(|function| used.add(types, &function.signature));
    statics.iter().for_each(|item| used.add_type(types, &item.ty));
    let externs = externs(types, functions, statics);
    let sees = object.sees.iter().filter_map(|&n| sees(&patch.objects[n]));
    let imports = used.imports();
    quote! {
        #[doc = #title]
        #[allow(
            unused_assignments,
            unused_imports,
            unused_mut,
            unused_unsafe,
            unused_variables,
            unreachable_code,
            clippy::all
        )]
        mod #name {
            use super::*;
            #(#sees)*
            #imports

            #externs
            #(#funcs)*
            #(#callbacks)*
        }
    }
}

/// The symbols of this object that bodies of a module loaded later may use.
fn sees<B>(object: &Object<B>) -> Option<TokenStream> {
    let module = object_ident(&object.name);
    let functions = object.uses.functions.iter().map(|function| ident(&function.name));
    let names: Vec<_> =
        functions.chain(object.uses.statics.iter().map(|item| ident(&item.name))).collect();
    (!names.is_empty()).then(|| quote!(use super::#module::{#(#names),*};))
}

/// The types in a callback's prototype, except `klp_object`.
const CALLBACK: Signature =
    Signature { params: Vec::new(), ret: Type::Int(CInt::Int), variadic: false };

/// The tables for `klp_enable_patch()`, and the module's `init`.
pub(crate) fn livepatch<B: Body>(patch: &Patch<B>) -> TokenStream {
    let names = &func_names(patch);
    let types = &patch.kernel.types;
    let name = |id| ident(types.get(id).name());
    let (klp_patch, klp_object, klp_func) =
        (name(patch.klp.patch), name(patch.klp.object), name(patch.klp.func));
    let funcs =
        patch.objects.iter().zip(names).map(|(object, names)| funcs(object, names, &klp_func));
    let object_entries = patch
        .objects
        .iter()
        .map(|o| object_entry(patch, o, &klp_object, &name(patch.klp.callbacks)));
    let objects_len = Literal::usize_unsuffixed(patch.objects.len() + 1);
    let replace = (patch.replace == Replace::Always).then(|| quote!(replace: true,));
    let data = data::tables(patch);
    let module = kernel_crate::module(&enable(patch), data.exit.as_ref());
    let guard = guard(patch, names);
    let note = note(patch);
    let klp_callbacks = name(patch.klp.callbacks);
    let modules = patch.objects.iter().map(|object| object_ident(&object.name));
    let data::Tables {
        imports: data_imports, states, items: data_items, externs: klp_mutex, ..
    } = data;
    let gated =
        patch.objects.iter().zip(names).filter(|(object, _)| object.name != ObjectName::Vmlinux);
    let gates = gated.map(|(object, names)| gate(patch, object, names));
    quote! {
        /// The tables that the kernel is given, and the moment when it is.
        #[allow(non_upper_case_globals, unused_imports)]
        pub(crate) mod livepatch {
            use super::kps::errno::EINVAL;
            use super::kps::guard::{self, Entry, Mismatch};
            use super::kps::message;
            use super::kps::note::Note;
            use super::types::{#klp_callbacks, #klp_func, #klp_object, #klp_patch};
            #data_imports
            use super::{#(#modules),*};
            use ::core::ffi::{c_int, c_void};
            use ::core::option::Option::{None, Some};
            use ::core::primitive::{bool, u8};
            use ::core::ptr::null;
            use ::core::result::Result::{Err, Ok};

            #(#funcs)*

            static mut OBJECTS: [#klp_object; #objects_len] = [
                #(#object_entries,)*
                #klp_object::ZERO,
            ];

            static mut PATCH: #klp_patch = #klp_patch {
                objs: ::core::ptr::addr_of_mut!(OBJECTS).cast(),
                #states
                #replace
                ..#klp_patch::ZERO
            };

            #data_items
            #guard
            #(#gates)*
            #note

            extern "C" {
                fn klp_enable_patch(patch: *mut #klp_patch) -> c_int;
                #[link_name = "kps.sym.vmlinux.__start_notes,0"]
                static kps_start_notes: u8;
                #[link_name = "kps.sym.vmlinux.__stop_notes,0"]
                static kps_stop_notes: u8;
                #klp_mutex
            }

            #module
        }
    }
}

/// Compares the kernel with the target, and hands the tables to `klp_enable_patch()`.
fn enable<B>(patch: &Patch<B>) -> TokenStream {
    let release = message::verbatim(&patch.target.release);
    let id = patch.target.build_id_in_hex();
    let text = format!("refused: this kernel is not {release} with build-id {id}");
    let other_kernel = message::error(&patch.name, &text);
    let text = format!("refused: %.*s does not start as in {release}");
    let other_entry = message::error_about(&patch.name, &text, &quote!(function));
    let refuse = kernel_crate::refuse();
    let (this_module, replace_if) = (kernel_crate::this_module(), replace_if(patch));
    quote! {
        /// SAFETY: the linker script of the kernel bounds its notes with these symbols, and
        /// `ENTRIES` points to functions of the kernel.
        let same = unsafe {
            let notes = (
                ::core::ptr::addr_of!(kps_start_notes),
                ::core::ptr::addr_of!(kps_stop_notes),
            );
            guard::check(&BUILD_ID, notes, &ENTRIES)
        };
        match same {
            Ok(()) => {}
            Err(Mismatch::BuildId) => {
                #other_kernel
                #refuse
            }
            Err(Mismatch::Entry(function)) => {
                #other_entry
                #refuse
            }
        }
        /// SAFETY: nobody else knows the tables yet. They live as long as the module, which the
        /// kernel pins until the last task has left the patch.
        let status = unsafe {
            let patch = ::core::ptr::addr_of_mut!(PATCH);
            (*patch).r#mod = #this_module;
            #replace_if
            klp_enable_patch(patch)
        };
        /// WHY: `pre_patch` may refuse with any number, and only a negative one keeps the module
        /// from staying.
        let status = if status > 0 { -EINVAL } else { status };
    }
}

/// Decides `replace` at load time: the loader reads the parameters before it calls `init`.
fn replace_if<B>(patch: &Patch<B>) -> Option<TokenStream> {
    let Replace::If(condition) = &patch.replace else { return None };
    let param = patch
        .params
        .iter()
        .flat_map(|params| &params.all)
        .find(|param| param.name == *condition)?;
    let name = ident(condition);
    let is_set = match param.ty {
        ParamType::Bool => quote!(super::kps::param::Param::get(&super::#name)),
        _ => quote!(super::kps::param::Param::get(&super::#name) != 0),
    };
    Some(quote!((*patch).replace = #is_set;))
}

/// The `klp_func` table of one object.
fn funcs<B>(object: &Object<B>, names: &[FuncNames], klp_func: &Ident) -> TokenStream {
    let table = funcs_table(object);
    let len = Literal::usize_unsuffixed(object.funcs.len() + 1);
    let module = object_ident(&object.name);
    let entries = object.funcs.iter().zip(names).map(|(func, names)| {
        let (old_name, entry) = (c_str(&func.old.name), ident(&names.entry));
        let sympos = (func.old.sympos != 0).then(|| {
            let sympos = Literal::u32_unsuffixed(func.old.sympos);
            quote!(old_sympos: #sympos,)
        });
        quote! {
            #klp_func {
                old_name: #old_name.as_ptr(),
                new_func: #module::#entry as *mut c_void,
                #sympos
                ..#klp_func::ZERO
            }
        }
    });
    quote! {
        static mut #table: [#klp_func; #len] = [#(#entries,)* #klp_func::ZERO];
    }
}

fn funcs_table<B>(object: &Object<B>) -> Ident {
    // Names of modules may differ only in case.
    format_ident!("FUNCS_{}", object.name.as_str())
}

fn object_entry<B>(
    patch: &Patch<B>,
    object: &Object<B>,
    klp_object: &Ident,
    klp_callbacks: &Ident,
) -> TokenStream {
    let table = funcs_table(object);
    let name = match &object.name {
        ObjectName::Vmlinux => quote!(null()),
        ObjectName::Module(name) => {
            let name = c_str(name);
            quote!(#name.as_ptr())
        }
    };
    let field = |callback: Callback, module: &Ident, function: &Ident| {
        let field = format_ident!("{}", callback.name());
        quote!(#field: Some(#module::#function),)
    };
    let own_name = |callback: Callback| format_ident!("{}", callback.name());
    let callbacks: Vec<_> = match &object.name {
        ObjectName::Vmlinux if patch.has_data() => {
            let module = format_ident!("data");
            Callback::ALL.map(|callback| field(callback, &module, &own_name(callback))).to_vec()
        }
        ObjectName::Vmlinux => {
            let module = object_ident(&object.name);
            let each = object.callbacks.each();
            each.map(|(callback, _)| field(callback, &module, &names::callback(callback))).collect()
        }
        ObjectName::Module(_) => {
            let gate = gate_ident(object);
            gate::callbacks(object)
                .map(|callback| field(callback, &gate, &own_name(callback)))
                .collect()
        }
    };
    let callbacks = (!callbacks.is_empty()).then(|| {
        quote! {
            callbacks: #klp_callbacks { #(#callbacks)* ..#klp_callbacks::ZERO },
        }
    });
    quote! {
        #klp_object {
            name: #name,
            funcs: ::core::ptr::addr_of_mut!(#table).cast(),
            #callbacks
            ..#klp_object::ZERO
        }
    }
}

/// The data that the guard compares.
fn guard<B>(patch: &Patch<B>, names: &[Vec<FuncNames>]) -> TokenStream {
    let id = &patch.target.build_id;
    let len = Literal::usize_unsuffixed(id.len());
    let id = id.iter().map(|byte| syn::LitInt::new(&format!("{byte:#04x}"), Span::call_site()));
    let entries: Vec<_> = patch
        .objects
        .iter()
        .zip(names)
        .filter(|(object, _)| object.name == ObjectName::Vmlinux)
        .flat_map(|(object, names)| {
            let module = object_ident(&object.name);
            object.funcs.iter().zip(names).map(move |(func, names)| {
                let (name, old) = (&func.old.name, ident(&names.old));
                let landing_pad = func.entry.landing_pad;
                quote!(Entry {
                    name: #name, function: #module::#old as *const u8, landing_pad: #landing_pad
                })
            })
        })
        .collect();
    let count = Literal::usize_unsuffixed(entries.len());
    quote! {
        /// The build-id of the target kernel.
        static BUILD_ID: [u8; #len] = [#(#id),*];

        /// How the patched functions start there.
        static ENTRIES: [Entry; #count] = [#(#entries),*];
    }
}

/// The ELF note, which stays readable in `/sys/module/NAME/notes/.note.kps`.
fn note<B>(patch: &Patch<B>) -> TokenStream {
    let text = kps_plan::Note::of(patch).to_string();
    let (len, text) = (Literal::usize_unsuffixed(text.len()), byte_lines(&text));
    quote! {
        #[link_section = #NOTE_SECTION]
        #[used]
        static NOTE: Note<#len> = Note::new(*#text);
    }
}

/// A byte string with one line of source for each line of the text. After a line continuation Rust
/// skips leading space, and no line of the text starts with space.
fn byte_lines(text: &str) -> Literal {
    let escaped = |line: &str| {
        let literal = Literal::byte_string(line.as_bytes()).to_string();
        literal.trim_start_matches("b\"").trim_end_matches('"').to_owned()
    };
    let lines: Vec<_> = text.split_inclusive('\n').map(escaped).collect();
    let whole = Literal::byte_string(text.as_bytes());
    format!("b\"\\\n{BYTE_LINES}{}\"", lines.join(&format!("\\\n{BYTE_LINES}")))
        .parse()
        .unwrap_or(whole)
}

/// The indentation of such a line.
const BYTE_LINES: &str = "            ";

fn c_str(text: &str) -> Literal {
    // Symbol names contain no NUL; kallsyms could not list them.
    Literal::c_string(&CString::new(text).unwrap_or_default())
}
