// SPDX-License-Identifier: GPL-2.0
//! A UEFI firmware that knows a certificate, for machines whose kernel trusts what their firmware
//! does. Debian's kernels take the certificates of the variable `db` into the keyring `.platform`
//! (`CONFIG_LOAD_UEFI_KEYS`), and accept modules that one of these keys has signed.

use kps_vm::Firmware;
use std::path::Path;

/// OVMF, which the package `ovmf` has: its code, and a store of variables without any.
const CODE: &str = "/usr/share/OVMF/OVMF_CODE_4M.fd";
const VARIABLES: &str = "/usr/share/OVMF/OVMF_VARS_4M.fd";

/// Where the first variable of the store begins: behind the headers of its volume and of itself
/// (`EFI_FIRMWARE_VOLUME_HEADER` and `VARIABLE_STORE_HEADER` of edk2).
const FIRST: usize = 0x48 + 28;

/// `EFI_IMAGE_SECURITY_DATABASE_GUID`, the vendor of `db`.
const OF_DB: [u8; 16] = [
    0xcb, 0xb2, 0x19, 0xd7, 0x3a, 0x3d, 0x96, 0x45, 0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f,
];
/// `EFI_CERT_X509_GUID`, the kind of list that a certificate is in.
const OF_X509: [u8; 16] = [
    0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72,
];
/// Whoever has put the certificate there.
const OWNER: [u8; 16] = *b"kpsc's own tests";

/// The firmware with a certificate, in DER, in its `db`. Its variables are written to a file.
pub fn knowing(certificate: &[u8], file: &Path) -> Firmware {
    let mut store = std::fs::read(VARIABLES).unwrap_or_else(|error| panic!("{VARIABLES}: {error}"));
    let variable = variable("db", &signature_list(certificate));
    let place = store.get_mut(FIRST..FIRST + variable.len());
    let place = place.unwrap_or_else(|| panic!("{VARIABLES} is too small"));
    assert!(place.iter().all(|&byte| byte == 0xff), "{VARIABLES} has a variable");
    place.copy_from_slice(&variable);
    std::fs::write(file, store).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    Firmware { code: CODE.into(), variables: file.to_owned() }
}

/// A list of one certificate (`EFI_SIGNATURE_LIST`).
fn signature_list(certificate: &[u8]) -> Vec<u8> {
    const HEADER: usize = 16 + 3 * 4;
    let size = OWNER.len() + certificate.len();
    let sizes = [HEADER + size, 0, size].map(|size| (size as u32).to_le_bytes());
    [&OF_X509[..], &sizes.concat(), &OWNER, certificate].concat()
}

/// A variable that stays, is there after the boot, and is written by whoever may
/// (`AUTHENTICATED_VARIABLE_HEADER`).
fn variable(name: &str, data: &[u8]) -> Vec<u8> {
    const START: u16 = 0x55aa;
    const ADDED: u8 = 0x3f;
    const ATTRIBUTES: u32 = 0x27;
    let name: Vec<u8> =
        name.encode_utf16().chain([0]).flat_map(|unit| unit.to_le_bytes()).collect();
    let mut header = START.to_le_bytes().to_vec();
    header.extend([ADDED, 0]);
    header.extend(ATTRIBUTES.to_le_bytes());
    // A counter, a time and the number of a key, none of which a new variable needs.
    header.extend([0; 8 + 16 + 4]);
    header.extend((name.len() as u32).to_le_bytes());
    header.extend((data.len() as u32).to_le_bytes());
    [&header[..], &OF_DB, &name, data].concat()
}
