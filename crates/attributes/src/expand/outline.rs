// SPDX-License-Identifier: GPL-2.0
//! The host's version of a patch: everything that an editor and `cargo check` need to see, and
//! nothing that has to be linked.
//!
//! Bodies keep their own spans and see the names that they have in the kernel. Nothing calls them,
//! so a test of the crate does not need the kernel's functions.

use super::tokens::Tokens;
use kps_ast::{
    Body, CallbackBody, Func, Hook, ModuleParam, ParamValue, Patch, Prototype, Resource, Shadow,
    State,
};
use kps_codegen::names::{self, ident, object_ident, PREFIX};
use kps_plan::ObjectName;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ItemMod;

/// The source of the kernel's types.
pub(super) enum Types<'a> {
    /// The types themselves.
    Known(&'a TokenStream),
    /// A file at this path, which kpsc wrote into the crate.
    BodyWithParams(&'a str),
}

/// The module on the host.
pub(super) fn outline(
    patch: &Patch,
    module: &ItemMod,
    tokens: &Tokens<'_>,
    types: Types<'_>,
) -> TokenStream {
    let outline = Outline { tokens };
    let name = &module.ident;
    let types = match types {
        Types::Known(types) => quote!(mod types { #types }),
        // A module and not `include!`, because the file's inner doc comment must be at its start.
        Types::BodyWithParams(file) => quote!(#[path = #file] mod types;),
    };
    let params = patch.params.iter().map(|param| outline.param(param));
    let states = patch.states.iter().map(|state| outline.state(state));
    let shadows = patch.shadows.iter().map(|shadow| outline.shadow(shadow));
    let resources = patch.resources.iter().map(|resource| outline.resource(resource));
    let items = patch.items.iter().map(|item| tokens.of(item.code));
    let of_c = patch.c_files.iter().flat_map(|file| &file.functions);
    let of_c =
        of_c.map(|function| outline.declaration(&ident(&function.name.value), &function.prototype));
    let objects = patch.objects.iter().map(|object| outline.object(object));
    let root = at_the_root();
    quote! {
        #root
        #[cfg(not(kps_kernel))]
        #[allow(
            dead_code,
            improper_ctypes,
            missing_docs,
            non_camel_case_types,
            non_snake_case,
            non_upper_case_globals,
            unreachable_code,
            unreachable_pub,
            unused,
            clippy::all,
            clippy::nursery,
            clippy::pedantic,
            clippy::restriction
        )]
        mod #name {
            use ::kps;
            #types
            use self::{kps::prelude::*, types::*};

            #(#items)*
            #(#params)*
            #(#states)*
            #(#shadows)*
            #(#resources)*
            extern "C" {
                #(#of_c)*
            }
            #(#objects)*
        }
    }
}

/// An item that compiles only at the root of a crate, and only once. `module!` has both
/// requirements, but its own error messages for them are hard to understand.
fn at_the_root() -> TokenStream {
    quote_spanned! {Span::call_site()=>
        #[cfg(not(kps_kernel))]
        #[allow(dead_code)]
        const ONE_LIVEPATCH_AT_THE_ROOT_OF_THE_CRATE: () = {
            let path = ::core::module_path!().as_bytes();
            let mut n = 0;
            while n < path.len() {
                if path[n] == b':' {
                    ::core::panic!("`#[livepatch]` belongs at the root of the crate, src/lib.rs: the kernel's `module!` works only there");
                }
                n += 1;
            }
        };
    }
}

struct Outline<'a> {
    tokens: &'a Tokens<'a>,
}

impl Outline<'_> {
    fn object(&self, object: &kps_ast::Object) -> TokenStream {
        let of = ObjectName::new(&object.name.value);
        let module = object_ident(&of);
        // Symbols of the image are in scope everywhere.
        let is_outside = of == ObjectName::Vmlinux;
        let kps = if is_outside { quote!(self::kps) } else { quote!(super::kps) };
        let functions = object.use_fns.iter().filter_map(|function| {
            Some(
                self.declaration(&ident(&function.symbol.name.value), function.prototype.as_ref()?),
            )
        });
        let statics = object.use_statics.iter().filter_map(|item| {
            let (name, ty) = (ident(&item.symbol.name.value), self.tokens.of(item.ty?));
            Some(quote!(static mut #name: #ty;))
        });
        let per_cpu = object.use_percpus.iter().filter_map(|item| {
            let (name, ty) = (ident(&item.symbol.name.value), self.tokens.of(item.ty?));
            Some(quote!(static #name: #kps::percpu::PerCpu<#ty>;))
        });
        let funcs = object.funcs.iter().enumerate().map(|(n, func)| self.func(n, func));
        let callbacks = object.callbacks.iter().map(|callback| self.callback(callback));
        let declared = quote! {
            extern "C" {
                #(#functions)*
                #(#statics)*
                #(#per_cpu)*
            }
        };
        let (outside, inside) =
            if is_outside { (Some(declared), None) } else { (None, Some(declared)) };
        quote! {
            #outside
            mod #module {
                use super::*;
                #inside
                #(#funcs)*
                #(#callbacks)*
            }
        }
    }

    fn func(&self, n: usize, func: &Func) -> TokenStream {
        let Some(prototype) = &func.prototype else { return TokenStream::new() };
        let bodies = Hook::ALL.iter().filter_map(|&hook| {
            let name = format_ident!("{PREFIX}{}_{n}", hook.keyword());
            Some(self.body(&name, hook, func.hook(hook)?, prototype))
        });
        bodies.collect()
    }

    fn body(&self, name: &Ident, hook: Hook, body: Body, prototype: &Prototype) -> TokenStream {
        let params = self.params(prototype, true);
        let ret = self.ret(prototype);
        let text = self.tokens.of(body.code);
        let unread = quote!(super::kps::frame::unread());
        let (before, behind) = match hook {
            Hook::Replace => (Some(self.original(prototype)), None),
            Hook::Post if ret.is_some() => {
                (Some(quote!(let mut ret = #unread;)), Some(quote!(ret)))
            }
            Hook::Pre | Hook::Post => (None, ret.is_some().then_some(unread)),
        };
        let block = match behind {
            Some(behind) => quote!({ #text } #behind),
            None => text,
        };
        quote! {
            unsafe extern "C" fn #name(#(#params),*) #ret {
                #before
                unsafe { #block }
            }
        }
    }

    fn original(&self, prototype: &Prototype) -> TokenStream {
        let declaration = self.declaration(&format_ident!("original"), prototype);
        quote!(extern "C" { #declaration })
    }

    fn callback(&self, written: &CallbackBody) -> TokenStream {
        let name = names::callback(written.callback);
        let ret = written.callback.returns().then(|| quote!(-> c_int));
        let text = self.tokens.of(written.code);
        quote! {
            unsafe extern "C" fn #name(obj: *mut klp_object) #ret {
                unsafe { #text }
            }
        }
    }

    fn declaration(&self, name: &Ident, prototype: &Prototype) -> TokenStream {
        let params = self.params(prototype, false);
        let ret = self.ret(prototype);
        let variadic = prototype.variadic.then(|| quote!(, ...));
        quote!(fn #name(#(#params),* #variadic) #ret;)
    }

    fn params(&self, prototype: &Prototype, mutable: bool) -> Vec<TokenStream> {
        let mutable = mutable.then(|| quote!(mut));
        let param = |param: &kps_ast::Param| {
            let (name, ty) = (ident(&param.name.value), self.tokens.of(param.ty));
            quote!(#mutable #name: #ty)
        };
        prototype.params.iter().map(param).collect()
    }

    fn ret(&self, prototype: &Prototype) -> Option<TokenStream> {
        let ty = self.tokens.of(prototype.ret?);
        Some(quote!(-> #ty))
    }

    fn param(&self, param: &ModuleParam) -> TokenStream {
        let name = ident(&param.name.value);
        let values: Vec<TokenStream> = param.default.values.iter().map(value).collect();
        let element = words(&param.ty.value);
        let (ty, value) = match (&param.len, param.ty.value.as_str()) {
            (None, "charp") => {
                // Writable parameters are read in another way (`runtime/src/param.rs`).
                let digits =
                    param.mode.as_ref().map_or("", |mode| mode.value.trim_start_matches("0o"));
                let is_writable =
                    u16::from_str_radix(digits, 8).is_ok_and(|mode| mode & 0o222 != 0);
                let ty = format_ident!("{}", if is_writable { "SharedCharp" } else { "Charp" });
                (quote!(#ty), quote!(#ty::new(#(#values)*)))
            }
            (None, _) => (quote!(Param<#element>), quote!(Param::new(#(#values)*))),
            (Some(len), _) => {
                let (Ok(len), count) =
                    (len.value.parse::<proc_macro2::Literal>(), values.len() as u32)
                else {
                    return TokenStream::new();
                };
                let unset = if param.ty.value == "bool" { quote!(false) } else { quote!(0) };
                let first = values.first().unwrap_or(&unset);
                (quote!(Array<#element, #len>), quote!(Array::new([#first; #len], #count)))
            }
        };
        quote!(static #name: self::kps::param::#ty = self::kps::param::#value;)
    }

    fn state(&self, state: &State) -> TokenStream {
        let (name, text) = (ident(&state.name.value), &state.name.value);
        let ty = self.tokens.of(state.ty);
        let save = self.closure(state.save.as_ref());
        let (apply, restore) =
            (self.closure(state.apply.as_ref()), self.closure(state.restore.as_ref()));
        quote! {
            static #name: self::kps::state::State<#ty> =
                self::kps::state::State::new(#text, 1, 1, #save, #apply, #restore);
        }
    }

    fn shadow(&self, shadow: &Shadow) -> TokenStream {
        let (name, text) = (ident(&shadow.name.value), &shadow.name.value);
        let (ty, parent) = (self.tokens.of(shadow.ty), ident(&shadow.parent.value));
        let init = self.tokens.of(shadow.init);
        let ctor = match &shadow.ctor {
            Some(_) => {
                let closure = self.closure(shadow.ctor.as_ref());
                quote!(::core::option::Option::Some(#closure))
            }
            None => quote!(::core::option::Option::None),
        };
        let dtor = shadow.dtor.as_ref().map(|dtor| {
            let name = format_ident!("{PREFIX}destroy_{}", ident(&shadow.name.value));
            let (data, text) = (bound(&dtor.names, 0), self.tokens.of(dtor.code));
            quote!(fn #name(#data: *mut #ty) { unsafe { #text } })
        });
        quote! {
            static #name: self::kps::shadow::Shadow<#ty, #parent> = self::kps::shadow::Shadow::new(
                #text, 1, 1, || unsafe { #init }, #ctor, ::core::option::Option::None
            );
            #dtor
        }
    }

    fn resource(&self, resource: &Resource) -> TokenStream {
        let (name, text) = (ident(&resource.name.value), &resource.name.value);
        let ty = self.tokens.of(resource.ty);
        let acquire = self.closure(resource.acquire.as_ref());
        let release = self.closure(resource.release.as_ref());
        let adopt = match &resource.adopt {
            Some(_) => {
                let closure = self.closure(resource.adopt.as_ref());
                quote!(::core::option::Option::Some(#closure))
            }
            None => quote!(::core::option::Option::None),
        };
        quote! {
            static #name: self::kps::resource::Resource<#ty> = self::kps::resource::Resource::new(
                #text, 1, 1, self::kps::resource::never_stays, #acquire, #release, #adopt
            );
        }
    }

    fn closure(&self, body: Option<&kps_ast::BodyWithParams>) -> TokenStream {
        let Some(body) = body else { return quote!(|| self::kps::frame::unread()) };
        let names = (0..body.names.len()).map(|n| bound(&body.names, n));
        let text = self.tokens.of(body.code);
        quote!(|#(#names),*| unsafe { #text })
    }
}

/// The name that a body gives to its argument.
fn bound(names: &[kps_ast::Name], n: usize) -> TokenStream {
    match names.get(n).map(|name| name.value.as_str()) {
        None | Some("_") => quote!(_),
        Some(name) => {
            let name = ident(name);
            quote!(#name)
        }
    }
}

/// Source text as tokens again.
fn words(text: &str) -> TokenStream {
    text.parse().unwrap_or_default()
}

fn value(value: &ParamValue) -> TokenStream {
    match value {
        ParamValue::Number(number) | ParamValue::Word(number) => words(&number.value),
        ParamValue::Text(text) => {
            let text = std::ffi::CString::new(text.value.as_str()).unwrap_or_default();
            let text = proc_macro2::Literal::c_string(&text);
            quote!(#text)
        }
    }
}
