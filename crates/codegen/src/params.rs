// SPDX-License-Identifier: GPL-2.0
//! Module parameters: the values that bodies read, and the records through which the loader and
//! sysfs access them.

use crate::names::{ident, param_symbol};
use crate::types::c_int;
use kps_plan::{ModuleParam, ParamDefault, ParamType, ParamValue, Params, Types};
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote};
use std::collections::BTreeSet;
use std::ffi::CString;

/// The statics with the values. Files in C read some.
pub(crate) fn values(params: &Params, in_c: &BTreeSet<&str>) -> TokenStream {
    params.all.iter().map(|param| value(param, in_c.contains(param.name.as_str()))).collect()
}

/// The `.modinfo` entries about the parameters, each with a name.
pub(crate) fn modinfo(params: &Params) -> Vec<(Ident, String)> {
    let mut entries = Vec::new();
    for param in &params.all {
        let name = &param.name;
        if let Some(description) = &param.description {
            entries.push((format_ident!("parm_{name}"), format!("parm={name}:{description}")));
        }
        let of = match param.default {
            ParamDefault::One(_) => "",
            ParamDefault::Array { .. } => "array of ",
        };
        let entry = format!("parmtype={name}:{of}{}", kernel_name(param));
        entries.push((format_ident!("parmtype_{name}"), entry));
    }
    entries
}

/// The static that bodies read, which has a symbol if a file in C reads it.
fn value(param: &ModuleParam, is_in_c: bool) -> TokenStream {
    let name = ident(&param.name);
    let holder = holder(param);
    let (generics, value) = match &param.default {
        ParamDefault::One(value) => {
            let (ty, value) = (element(param.ty), literal(value));
            let generics = (param.ty != ParamType::Charp).then(|| quote!(<#ty>));
            (generics, quote!(#value))
        }
        ParamDefault::Array { max, values } => {
            let (ty, len) = (element(param.ty), Literal::usize_unsuffixed(values.len()));
            let unset = if param.ty == ParamType::Bool {
                ParamValue::Bool(false)
            } else {
                ParamValue::Int(0)
            };
            let all = elements(values, literal(&unset), *max as usize);
            let max = Literal::u32_unsuffixed(*max);
            (Some(quote!(<#ty, #max>)), quote!(#all, #len))
        }
    };
    let title = format!(" The parameter `{}`.", param.name);
    let symbol = is_in_c.then(|| {
        let symbol = param_symbol(&param.name);
        quote!(#[export_name = #symbol])
    });
    quote! {
        #[doc = #title]
        #symbol
        #[allow(non_upper_case_globals)]
        static #name: #holder #generics = #holder::new(#value);
    }
}

/// The type of the static that bodies read, without its parameters. Generated code names it instead
/// of calling a method on the static, which might be one of the author's traits.
fn holder(param: &ModuleParam) -> TokenStream {
    let ty = match param.default {
        ParamDefault::Array { .. } => "Array",
        ParamDefault::One(_) if param.ty != ParamType::Charp => "Param",
        ParamDefault::One(_) if param.is_writable() => "SharedCharp",
        ParamDefault::One(_) => "Charp",
    };
    let ty = format_ident!("{ty}");
    quote!(self::kps::param::#ty)
}

/// The elements of an array, the rest of them `unset`.
fn elements(values: &[ParamValue], unset: TokenStream, max: usize) -> TokenStream {
    const SHORT: usize = 128;
    let given = values.iter().map(literal);
    let len = Literal::usize_unsuffixed(max);
    if values.is_empty() {
        quote!([#unset; #len])
    } else if max <= SHORT {
        let all = given.chain(std::iter::repeat(unset)).take(max);
        quote!([#(#all),*])
    } else {
        let places = (0..max).map(Literal::usize_unsuffixed);
        quote!({
            let mut kps_all = [#unset; #len];
            #(kps_all[#places] = #given;)*
            kps_all
        })
    }
}

/// The array of `struct kernel_param` that the kernel reads.
pub(crate) fn records(types: &Types, params: &Params) -> TokenStream {
    let struct_name = |id| ident(types.get(id).name());
    let (kernel_param, kparam_array) =
        (struct_name(params.kernel_param), struct_name(params.kparam_array));
    let is_array = |param: &&ModuleParam| matches!(param.default, ParamDefault::Array { .. });
    let arrays: Vec<_> =
        params.all.iter().filter(is_array).map(|param| array(param, &kparam_array)).collect();
    let structs = [&kernel_param].into_iter().chain((!arrays.is_empty()).then_some(&kparam_array));
    let mut all_ops: BTreeSet<Ident> = params.all.iter().map(ops).collect();
    if !arrays.is_empty() {
        all_ops.insert(format_ident!("param_array_ops"));
    }
    let all_ops = all_ops.iter();
    let len = Literal::usize_unsuffixed(params.all.len());
    let records = params.all.iter().map(|param| record(param, &kernel_param));
    quote! {
        /// The parameters as the loader and sysfs know them (`kernel/params.c`). The loader takes
        /// the section for an array of these structs.
        #[allow(non_upper_case_globals)]
        const _: () = {
            use self::kps::param::Record;
            use self::types::{#(#structs),*};

            extern "C" {
                static __this_module: ::core::primitive::u8;
                #(static #all_ops: ::core::primitive::u8;)*
            }

            #(#arrays)*

            #[link_section = "__param"]
            #[used]
            static PARAMS: Record<[#kernel_param; #len]> = Record([#(#records,)*]);
        };
    }
}

/// The kernel's record of an array.
fn array(param: &ModuleParam, kparam_array: &Ident) -> TokenStream {
    let (name, record, ty, ops) =
        (ident(&param.name), array_name(param), element(param.ty), ops(param));
    let array = holder(param);
    quote! {
        static #record: Record<#kparam_array> = Record(#kparam_array {
            max: #array::max(&self::#name),
            elemsize: ::core::mem::size_of::<#ty>() as ::core::primitive::u32,
            num: #array::len_ptr(&self::#name),
            ops: ::core::ptr::addr_of!(#ops).cast(),
            elem: #array::as_ptr(&self::#name).cast(),
            ..#kparam_array::ZERO
        });
    }
}

fn record(param: &ModuleParam, kernel_param: &Ident) -> TokenStream {
    let (name, text) = (ident(&param.name), c_string(&param.name));
    let (ops, arg) = match param.default {
        ParamDefault::One(_) => {
            let holder = holder(param);
            (ops(param), quote!(#holder::as_ptr(&self::#name).cast()))
        }
        ParamDefault::Array { .. } => {
            let record = array_name(param);
            let record = quote!(::core::ptr::addr_of!(#record).cast_mut().cast());
            (format_ident!("param_array_ops"), record)
        }
    };
    let perm = if param.perm == 0 { "0".to_owned() } else { format!("{:#o}", param.perm) };
    let perm = syn::LitInt::new(&perm, Span::call_site());
    quote! {
        #kernel_param {
            name: #text.as_ptr(),
            r#mod: ::core::ptr::addr_of!(__this_module).cast_mut().cast(),
            ops: ::core::ptr::addr_of!(#ops).cast(),
            perm: #perm,
            level: -1,
            arg: #arg,
            ..#kernel_param::ZERO
        }
    }
}

fn array_name(param: &ModuleParam) -> Ident {
    format_ident!("array_{}", param.name)
}

/// The kernel functions that read and write such a value.
fn ops(param: &ModuleParam) -> Ident {
    format_ident!("param_ops_{}", kernel_name(param))
}

fn kernel_name(param: &ModuleParam) -> &'static str {
    param.ty.kernel_name().unwrap_or_else(|| unreachable!("`ParamType::of` gives no other type"))
}

/// The type of an element, by a path that no author's name can hide.
fn element(ty: ParamType) -> TokenStream {
    match ty {
        ParamType::Bool => quote!(::core::primitive::bool),
        ParamType::Charp => quote!(*const ::core::ffi::c_char),
        ParamType::Int(int) => {
            let int = c_int(int);
            let in_ffi = int.to_string().starts_with("c_");
            let path = if in_ffi { quote!(::core::ffi::) } else { quote!(::core::primitive::) };
            quote!(#path #int)
        }
    }
}

fn literal(value: &ParamValue) -> TokenStream {
    match value {
        ParamValue::Bool(value) => quote!(#value),
        ParamValue::Text(text) => {
            let text = c_string(text);
            quote!(#text)
        }
        ParamValue::Int(value) => {
            let minus = (*value < 0).then(|| quote!(-));
            let digits = syn::LitInt::new(&value.unsigned_abs().to_string(), Span::call_site());
            quote!(#minus #digits)
        }
    }
}

fn c_string(text: &str) -> Literal {
    // Neither names nor texts contain a NUL: the grammar allows none.
    Literal::c_string(&CString::new(text).unwrap_or_default())
}
