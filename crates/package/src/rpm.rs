// SPDX-License-Identifier: GPL-2.0
//! An `.rpm` of version 4 of the format, which every distribution of today reads.

use crate::tree::{self, Entry};
use crate::{changelog, check, copyright, license, relations, version};
use crate::{Error, File, Format, Package, RpmScripts};
use rpm::{BuildConfig, CompressionWithLevel, Dependency, FileOptions, PackageBuilder, Scriptlet};
use std::io;

/// Level 6 has a dictionary of 8 MiB, which small machines have too.
const COMPRESSION: CompressionWithLevel = CompressionWithLevel::Xz(6);

/// Where it was built does not matter, and no field of rpm says so.
const HOST: &str = "reproducible";

const SHELL: &str = "/bin/sh";

/// Folders of the distribution's package `filesystem`, of systemd and of shells: two packages may
/// have a folder only if they agree on its permissions, and distributions do not agree on these.
/// All others belong to the package, so that they go with it.
const FOLDERS: [&str; 34] = [
    "boot",
    "etc",
    "etc/profile.d",
    "etc/sysconfig",
    "opt",
    "usr",
    "usr/bin",
    "usr/lib",
    "usr/lib/modprobe.d",
    "usr/lib/modules",
    "usr/lib/modules-load.d",
    "usr/lib/systemd",
    "usr/lib/systemd/system",
    "usr/lib/systemd/system-preset",
    "usr/lib/sysusers.d",
    "usr/lib/tmpfiles.d",
    "usr/lib64",
    "usr/libexec",
    "usr/sbin",
    "usr/share",
    "usr/share/bash-completion",
    "usr/share/bash-completion/completions",
    "usr/share/doc",
    "usr/share/fish",
    "usr/share/fish/vendor_completions.d",
    "usr/share/licenses",
    "usr/share/man",
    "usr/share/man/man1",
    "usr/share/man/man5",
    "usr/share/man/man7",
    "usr/share/man/man8",
    "usr/share/zsh",
    "usr/share/zsh/site-functions",
    "usr/src",
];

pub(crate) fn rpm(package: &Package) -> Result<Vec<u8>, Error> {
    let time = check::seconds("timestamp", package.timestamp)?;
    let fail = |error: rpm::Error| Error::Write { format: Format::Rpm, reason: error.to_string() };
    let mut builder = builder(package, time);
    relate(&mut builder, package);
    script(&mut builder, &package.rpm.scripts);
    for change in &package.changelog {
        let (title, text) = changelog::rpm(change);
        builder.add_changelog_entry(title, text, check::seconds("changelog.date", change.date)?);
    }
    add_files(&mut builder, package)?;
    let built = builder.build().map_err(fail)?;
    // The writer looks at the clock, and does not write what is not past.
    if built.metadata.get_build_time().map_err(fail)? != u64::from(time) {
        const ALLOWED: &str = "a time that is past";
        return Err(Error::field("timestamp", &time.to_string(), ALLOWED));
    }
    let mut bytes = Vec::new();
    built.write(&mut bytes).map_err(fail)?;
    Ok(bytes)
}

fn builder(package: &Package, time: u32) -> PackageBuilder {
    let Package { name, architecture, summary, description, maintainer, homepage, .. } = package;
    let (version, release) = version::for_rpm(&package.version);
    let license = license::spdx(&package.license);
    let mut builder = PackageBuilder::new(name, version, license, architecture.rpm(), summary);
    builder
        .using_config(BuildConfig::v4().compression(COMPRESSION).source_date(time))
        .release(release)
        .build_host(HOST)
        .packager(maintainer.as_str())
        .description(crate::text::paragraphs(description));
    if let Some(homepage) = homepage {
        builder.url(homepage.as_str());
    }
    if let Some(group) = &package.rpm.group {
        builder.group(group.as_str());
    }
    if let Some(vendor) = &package.rpm.vendor {
        builder.vendor(vendor.as_str());
    }
    builder
}

fn relate(builder: &mut PackageBuilder, package: &Package) {
    let relations = &package.rpm.relations;
    for alternatives in &relations.depends {
        builder.requires(relations::any_of(alternatives));
    }
    for alternatives in &relations.recommends {
        builder.recommends(relations::any_of(alternatives));
    }
    for alternatives in &relations.suggests {
        builder.suggests(relations::any_of(alternatives));
    }
    for relation in &relations.conflicts {
        builder.conflicts(relations::dependency(relation));
    }
    for relation in &relations.replaces {
        builder.obsoletes(relations::dependency(relation));
    }
    for relation in &relations.provides {
        builder.provides(relations::dependency(relation));
    }
    // An rpm that cannot read the files says so before it removes the old ones.
    builder.requires(Dependency::rpmlib("PayloadIsXz", "5.2-1"));
}

fn script(builder: &mut PackageBuilder, scripts: &RpmScripts) {
    let RpmScripts { pre, post, preun, postun, posttrans } = scripts;
    let scriptlet = |text: &String| Scriptlet::new(text.trim_end()).prog(vec![SHELL]);
    if let Some(text) = pre {
        builder.pre_install_script(scriptlet(text));
    }
    if let Some(text) = post {
        builder.post_install_script(scriptlet(text));
    }
    if let Some(text) = preun {
        builder.pre_uninstall_script(scriptlet(text));
    }
    if let Some(text) = postun {
        builder.post_uninstall_script(scriptlet(text));
    }
    if let Some(text) = posttrans {
        builder.post_trans_script(scriptlet(text));
    }
}

fn add_files(builder: &mut PackageBuilder, package: &Package) -> Result<(), Error> {
    let mut added = Vec::new();
    if !package.files.iter().any(|file| file.path == copyright::path(&package.name)) {
        let path = format!("usr/share/licenses/{}/copyright", package.name);
        tree::add(package, &mut added, path, copyright::copyright(package));
    }
    let fail = |error: rpm::Error| Error::write(Format::Rpm)(io::Error::other(error.to_string()));
    for (path, entry) in tree::tree(package, &added)? {
        let place = format!("/{path}");
        match entry {
            Entry::Folder if FOLDERS.contains(&path) => continue,
            Entry::Folder => {
                builder.with_dir_entry(FileOptions::dir(place).permissions(0o755)).map_err(fail)?
            }
            Entry::File(file, bytes) => {
                builder.with_file_contents(bytes, options(place, file)).map_err(fail)?
            }
            Entry::Link(target) => {
                builder.with_symlink(FileOptions::symlink(place, target)).map_err(fail)?
            }
        };
    }
    Ok(())
}

fn options(place: String, file: &File) -> rpm::FileOptionsBuilder {
    const DOCUMENTS: [&str; 2] = ["usr/share/doc/", "usr/share/man/"];
    // `mode` has passed the white list, and so has nine bits.
    let options = FileOptions::new(place).permissions((file.mode & 0o777) as u16);
    match &file.path {
        _ if file.is_config => options.config().noreplace(),
        path if path.starts_with("usr/share/licenses/") => options.license(),
        path if DOCUMENTS.iter().any(|folder| path.starts_with(folder)) => options.doc(),
        _ => options,
    }
}
