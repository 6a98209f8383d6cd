// SPDX-License-Identifier: GPL-2.0
//! Signed modules: what signs them, and what a kernel says that accepts no others.

use kps_operate::{unsigned, Signature};
use kps_tests::pages::{block, shell, SIGNING};
use kps_tests::schedule::Case;
use kps_tests::store::module;
use kps_tests::target::{doctored, Vm};
use kps_tests::{cases, example, firmware, kpsc, printed};
use std::path::PathBuf;
use std::process::{Command, Output};

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_key_signs_from_a_file_and_from_a_token.about(20),
        what_the_page_shows_is_what_happens.about(10),
        a_kernel_that_ignores_signatures_is_not_signed_for,
        what_does_not_sign_is_named_and_changes_no_file.about(10),
        a_kernel_that_wants_signatures_takes_those_of_a_key_that_it_knows.machine().about(40),
    ]
}

const MARK: &str = "cmdline_mark";
const OTHER: &str = "missing_files";
const PIN: &str = "98761234";

/// A folder with a key in a file and in a token, its certificate, and a module.
struct Keys(tempfile::TempDir);

impl Keys {
    /// No key yet, and a place for tokens.
    fn empty() -> Keys {
        let keys = Keys(tempfile::tempdir().unwrap_or_else(|error| panic!("{error}")));
        let place = keys.path("").display().to_string();
        keys.write("softhsm2.conf", format!("directories.tokendir = {place}\n"));
        keys
    }

    fn new() -> Keys {
        let keys = Keys::empty();
        keys.make("key", "A key for modules");
        keys.sh("openssl x509 -in key.crt -outform DER -out key.der");
        keys.sh(&format!(
            "softhsm2-util --init-token --free --label kps --pin {PIN} --so-pin 5678"
        ));
        keys.sh("openssl pkcs8 -topk8 -nocrypt -in key.pem -out key.p8");
        keys.sh(&format!(
            "softhsm2-util --import key.p8 --token kps --label signing --id 01 --pin {PIN}"
        ));
        keys
    }

    /// Makes NAME.pem and NAME.crt.
    fn make(&self, name: &str, title: &str) {
        self.sh(&format!(
            "openssl req -new -x509 -newkey rsa:2048 -nodes -keyout {name}.pem -out {name}.crt -subj '/CN={title}/' -days 10"
        ));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, contents).unwrap_or_else(|error| panic!("{error}"));
        path
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The environment in which the token is known.
    fn here<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.current_dir(self.0.path()).env("SOFTHSM2_CONF", self.path("softhsm2.conf"))
    }

    fn sh(&self, script: &str) {
        let output = self.here(Command::new("sh").args(["-ec", script])).output();
        let output = output.unwrap_or_else(|error| panic!("{error}"));
        assert!(output.status.success(), "{script}: {}", printed(&output));
    }

    fn kpsc(&self, words: &[&str], pin: Option<&str>) -> Output {
        let mut command = kpsc();
        command.env_remove("KBUILD_SIGN_PIN").args(words);
        command.envs(pin.map(|pin| ("KBUILD_SIGN_PIN", pin)));
        self.here(&mut command).output().unwrap_or_else(|error| panic!("{error}"))
    }

    fn succeeds(&self, words: &[&str], pin: Option<&str>) {
        let output = self.kpsc(words, pin);
        assert!(output.status.success(), "{words:?}: {}", printed(&output));
    }
}

const URI: &str = "pkcs11:token=kps;object=signing;type=private";

fn a_key_signs_from_a_file_and_from_a_token() {
    let keys = Keys::new();
    let spec = example(MARK).display().to_string();
    keys.succeeds(&["build", &spec, "--sign", "key.pem", "key.crt"], None);
    let signed = keys.read("cmdline_mark.ko");
    let plain = unsigned(&signed).to_vec();
    assert_eq!(plain, module(&example(MARK)), "only a signature was added");
    let signature = Signature::of(&signed).unwrap_or_default();
    let wanted = (Some("CN=A key for modules"), Some("sha256"));
    assert_eq!((signature.issuer.as_deref(), signature.hash), wanted);
    is_valid(&keys, &signed, &plain);

    // RSA has one signature for a text: a token gives the same module, over an older signature too.
    for (module, uri) in [
        (&plain, URI.to_owned()),
        (&signed, URI.to_owned()),
        (&plain, format!("{URI}?pin-value={PIN}")),
        (&plain, format!("{URI}?pin-source=file:{}", keys.write("pin", PIN).display())),
    ] {
        keys.write("other.ko", module);
        let pin = (!uri.contains('?')).then_some(PIN);
        keys.succeeds(&["sign", &uri, "key.der", "other.ko"], pin);
        assert_eq!(keys.read("other.ko"), signed, "{uri}");
    }
    // Neither the PIN nor the passphrase is where `ps` shows it.
    keys.sh("openssl rsa -in key.pem -aes256 -passout pass:98761234 -out locked.pem");
    for key in [URI, "locked.pem"] {
        keys.write("other.ko", &plain);
        let kpsc = kpsc();
        let kpsc = kpsc.get_program().to_string_lossy();
        keys.sh(&format!(
            "KBUILD_SIGN_PIN={PIN} strace -qq -f -s 65536 -v -e trace=execve -o words {kpsc} sign '{key}' key.crt other.ko"
        ));
        assert_eq!(keys.read("other.ko"), signed);
        let words = String::from_utf8_lossy(&keys.read("words")).into_owned();
        let shown =
            words.lines().filter_map(|line| line.split_once("execve(")?.1.split_once("], ["));
        let shown: Vec<_> = shown.map(|(words, _)| words).collect();
        assert!(shown.iter().any(|words| words.contains("scripts/sign-file")), "{words}");
        assert!(!shown.iter().any(|words| words.contains(PIN)), "{shown:?}");
    }
}

/// OpenSSL, too, finds the signature valid.
fn is_valid(keys: &Keys, signed: &[u8], plain: &[u8]) {
    const TRAILER: usize = 12 + "~Module signature appended~\n".len();
    keys.write("plain", plain);
    keys.write("message", &signed[plain.len()..signed.len() - TRAILER]);
    keys.sh("openssl cms -verify -binary -inform DER -in message -content plain -certfile key.crt -noverify -out verified");
    assert_eq!(keys.read("verified"), plain);
}

fn what_the_page_shows_is_what_happens() {
    let keys = Keys::empty();
    let spec = std::fs::read_to_string(example(MARK)).unwrap_or_else(|error| panic!("{error}"));
    keys.write("fix.kps", spec.replacen(MARK, "fix", 1));
    for (page, words) in SIGNING {
        let block = block(page, |block| block.text.contains(words));
        let output = keys.here(&mut shell(&block.text)).output();
        let output = output.unwrap_or_else(|error| panic!("{error}"));
        assert!(output.status.success(), "{page}: {}\n{}", block.text, printed(&output));
        let signature = Signature::of(&keys.read("fix.ko")).unwrap_or_default();
        assert_eq!(signature.issuer.as_deref(), Some("CN=Livepatches of example.com"));
        let plain = unsigned(&keys.read("fix.ko")).to_vec();
        keys.write("fix.ko", plain);
    }
}

fn a_kernel_that_ignores_signatures_is_not_signed_for() {
    let keys = Keys::empty();
    keys.make("key", "A key for modules");
    keys.write("mark.ko", module(&example(MARK)));
    let cache = doctored(|facts| drop(facts.config.remove("CONFIG_MODULE_SIG")));
    let mut command = kpsc();
    command.env("KPSC_CACHE", cache.path()).args(["sign", "key.pem", "key.crt", "mark.ko"]);
    let output = keys.here(&mut command).output().unwrap_or_else(|error| panic!("{error}"));
    let said = printed(&output);
    assert!(output.status.code() == Some(3) && said.contains("KPS1402"), "{said}");
}

fn what_does_not_sign_is_named_and_changes_no_file() {
    let keys = Keys::new();
    keys.make("other", "Another key");
    keys.write("mark.ko", module(&example(MARK)));
    keys.write("text.ko", "no module");
    let before = keys.read("mark.ko");
    let wrong_token = "pkcs11:token=none;object=signing";
    let wrong_object = "pkcs11:token=kps;object=none;type=private";
    let in_path = "pkcs11:token=kps;object=signing;pin-value=98761234";
    for (words, pin, said) in [
        (["key.pem", "other.crt", "mark.ko"], None, "mark.ko is not signed: the target"),
        (["key.crt", "key.crt", "mark.ko"], None, "check that the key is in PEM"),
        (["key.pem", "key.pem", "mark.ko"], None, "key.pem is not a certificate"),
        (["none.pem", "key.crt", "mark.ko"], None, "KPS0701"),
        (["key.pem", "key.crt", "text.ko"], None, "KPS1002"),
        ([URI, "key.crt", "mark.ko"], None, "Enter PIN"),
        ([URI, "key.crt", "mark.ko"], Some("1111"), "sign-file: CMS_add1_signer"),
        ([URI, "other.crt", "mark.ko"], Some(PIN), "sign-file: CMS_add1_signer"),
        ([wrong_token, "key.crt", "mark.ko"], Some(PIN), "sign-file: OSSL_STORE_open"),
        ([wrong_object, "key.crt", "mark.ko"], Some(PIN), "sign-file: CMS_add1_signer"),
        ([in_path, "key.crt", "mark.ko"], None, "`pin-value` is in the path"),
        (["pkcs11:", "key.crt", "mark.ko"], Some(PIN), "is not a PKCS#11 URI"),
        (["pkcs11:object=signing", "key.crt", "mark.ko"], Some(PIN), "of a key in one token"),
    ] {
        let output = keys.kpsc(&[&["sign"], &words[..]].concat(), pin);
        let text = printed(&output);
        assert!(output.status.code() == Some(3) && text.contains(said), "{words:?}: {text}");
        assert!(!text.contains(PIN), "{text}");
        assert!(keys.read("mark.ko") == before, "{words:?}");
    }
    // A token that has refused is asked once, and every file is named.
    keys.write("again.ko", &before);
    let output = keys.kpsc(&["sign", URI, "key.crt", "mark.ko", "again.ko"], Some("1111"));
    let text = printed(&output);
    for said in [
        "error[KPS1401]: mark.ko is not signed: the target's sign-file does not sign",
        "error[KPS1401]: again.ko is not signed: the token has refused another module",
    ] {
        assert!(output.status.code() == Some(3) && text.contains(said), "{text}");
    }
    assert_eq!(text.matches("the target's sign-file").count(), 1, "{text}");
    // A build that cannot sign leaves no unsigned module, and says so before it builds.
    let spec = example(MARK).display().to_string();
    let output = keys.kpsc(&["build", &spec, "-v", "--sign", "key.pem", "other.crt"], None);
    let text = printed(&output);
    assert!(output.status.code() == Some(3) && !text.contains("make"), "{text}");
    assert!(!keys.path("cmdline_mark.ko").exists());
}

fn a_kernel_that_wants_signatures_takes_those_of_a_key_that_it_knows() {
    let keys = Keys::new();
    keys.make("other", "Another key");
    keys.write("by_file.ko", module(&example(MARK)));
    keys.write("by_token.ko", module(&example(OTHER)));
    keys.write("by_other.ko", module(&example(MARK)));
    keys.succeeds(&["sign", "key.pem", "key.crt", "by_file.ko"], None);
    keys.succeeds(&["sign", URI, "key.crt", "by_token.ko"], Some(PIN));
    keys.succeeds(&["sign", "other.pem", "other.crt", "by_other.ko"], None);
    let signed = ["by_file", "by_token", "by_other"].map(|name| format!("{name}.ko"));
    let mut files: Vec<_> =
        signed.iter().map(|name| (format!("/{name}"), keys.read(name))).collect();
    files.push(("/unsigned.ko".to_owned(), module(&example(MARK))));
    let firmware = firmware::knowing(&keys.read("key.der"), &keys.path("variables"));
    let mut vm = Vm::boot_from(firmware, files, "module.sig_enforce=1");
    for (file, code) in [("unsigned", "KPS1019"), ("by_other", "KPS1004")] {
        let refused = vm.run(&format!("kpsctl load /{file}.ko"));
        assert_eq!(refused.status, 3, "{}", refused.text);
        assert!(refused.text.contains(code), "{}", refused.text);
        assert!(refused.text.contains("kpsc sign KEY CERTIFICATE FILE.ko"), "{}", refused.text);
    }
    vm.sh("kpsctl load /by_file.ko && grep -q kps=1 /proc/cmdline");
    vm.sh(&format!("kpsctl load /by_token.ko && kpsctl list | grep -q '^{OTHER}.enabled'"));
    vm.sh("kpsctl unload --all && dmesg | grep 'Loaded X.509 cert .A key for modules'");
    vm.check_log();
}
