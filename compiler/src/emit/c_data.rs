// SPDX-License-Identifier: GPL-2.0
//! The declarations of a patch's parameters and data in the wrapper around a file in C.
//!
//! The kernel's headers follow behind them, so nothing here needs a header: parameters have types
//! of C itself, and functions are declared where the file calls them.

use kps_codegen::names::{data_symbol, param_symbol};
use kps_plan::{
    CData, CDatum, CDatumKind, DataFunction, ModuleParam, ParamDefault, ParamType, Patch,
};
use serde::Serialize;

/// A parameter as a variable in C.
#[derive(Debug, Serialize)]
pub(super) struct Param {
    name: String,
    symbol: String,
    /// The type of the variable, or of an element.
    ty: &'static str,
    /// The capacity of an array.
    max: Option<u32>,
}

/// A function of a datum.
#[derive(Debug, Serialize)]
pub(super) struct Call {
    name: String,
    symbol: String,
    result: String,
    /// The types of the parameters.
    types: Vec<String>,
}

/// The parameters that a file reads. A string that may be freed at any time is not among them.
pub(super) fn params<B>(patch: &Patch<B>, data: &CData) -> Vec<Param> {
    let all = patch.params.iter().flat_map(|params| &params.all);
    let named = all.filter(|param| data.params.contains(&param.name));
    let param = |param: &ModuleParam| {
        let max = match param.default {
            ParamDefault::Array { max, .. } => Some(max),
            ParamDefault::One(_) => None,
        };
        let ty = match param.ty {
            ParamType::Bool => "_Bool",
            ParamType::Int(int) => int.c_name(),
            ParamType::Charp if param.is_writable() => return None,
            ParamType::Charp => "char *",
        };
        Some(Param { name: param.name.clone(), symbol: param_symbol(&param.name), ty, max })
    };
    named.filter_map(param).collect()
}

/// The functions of data that a file calls.
pub(super) fn calls(data: &CData) -> Vec<Call> {
    let of = |datum: &CDatum| datum.functions.iter().map(|f| call(datum, *f)).collect::<Vec<_>>();
    data.data.iter().flat_map(of).collect()
}

fn call(datum: &CDatum, function: DataFunction) -> Call {
    let value = format!("__typeof__({}) *", datum.ty);
    let (result, types) = match &datum.kind {
        CDatumKind::Resource => (value, Vec::new()),
        CDatumKind::State if function == DataFunction::Get => ("_Bool ".to_owned(), vec![value]),
        CDatumKind::State => ("_Bool ".to_owned(), Vec::new()),
        CDatumKind::Shadow { parent } => {
            let parent = format!("const {parent} *");
            match function {
                DataFunction::Remove => ("void ".to_owned(), vec![parent]),
                DataFunction::GetOrInit => (value, vec![parent, "unsigned int".to_owned()]),
                _ => (value, vec![parent]),
            }
        }
    };
    let name = format!("{}_{}", datum.name, function.name());
    Call { name, symbol: data_symbol(&datum.name, function), result, types }
}
