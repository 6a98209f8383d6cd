# SPDX-License-Identifier: GPL-2.0
"""Compares the livepatches that a task wants with those that a host has.

`installed` and `loaded` are the members `installed` and `patches` of `kpsctl status`. A wanted
livepatch is what `wanted` returns.
"""


def wanted(path, patch, parameters, sha256):
    """A module of a task. `patch` is what `kpsctl info` tells of its file."""
    return {
        'path': path,
        'name': patch['name'],
        'version': patch['version'],
        'fixes': patch['fixes'],
        'replaces': patch['replaces'] == 'always',
        'parameters': parameters,
        'sha256': sha256,
    }


def parameters_of(values):
    """NAME=VALUE for each parameter, as `kpsctl list --installed` has them."""
    return ['%s=%s' % (name, value_of(value)) for name, value in values.items()]


def value_of(value):
    """A value as the kernel parses it."""
    if isinstance(value, bool):
        return 'Y' if value else 'N'
    if isinstance(value, list):
        return ','.join(value_of(item) for item in value)
    text = str(value)
    # The kernel takes a space for the end of a value that has no quotes.
    return '"%s"' % text if len(text.split()) > 1 and '"' not in text else text


def without_replaced(modules):
    """The modules that stay installed: one that replaces others ends those before it."""
    replacing = [n for n, module in enumerate(modules) if module['replaces']]
    return modules[replacing[-1]:] if replacing else modules


def is_installed(module, installed):
    members = ('name', 'sha256', 'parameters')
    return any(all(entry[member] == module[member] for member in members) for entry in installed)


def is_enabled(module, loaded):
    """Whether it has switched every task. The kernel shows its version and fixes, and no SHA-256."""
    members = ('name', 'version', 'fixes')
    return any(patch['state'] == 'enabled' and all(patch[member] == module[member] for member in members)
               for patch in loaded)


def not_in_place(modules, installed, loaded):
    """The modules for which something is to do."""
    return [module for module in modules
            if not (is_installed(module, installed) and is_enabled(module, loaded))]


def installed_after(installed, modules):
    """The set that `kpsctl install` makes of the present one."""
    after = list(installed)
    for module in modules:
        if is_installed(module, after):
            continue
        names = [entry['name'] for entry in after]
        place = names.index(module['name']) if module['name'] in names else len(after)
        before, behind = after[:place], after[place:]
        kept = [[entry for entry in part if entry['name'] != module['name'] and not module['replaces']]
                for part in (before, behind)]
        after = kept[0] + [module] + kept[1]
    return after


def loaded_after(loaded, installed, modules):
    """The livepatches that are loaded once `kpsctl install --now` has succeeded."""
    new = [module for module in modules if not stays(module, installed, loaded)]
    new_names = [module['name'] for module in new]
    remaining = [entry['name'] for entry in installed_after(installed, modules)]
    gone = [entry['name'] for entry in installed if entry['name'] not in remaining]
    kept = [patch for patch in loaded if patch['name'] not in new_names + gone]
    if any(module['replaces'] for module in new):
        # The kernel keeps the modules of those that it did not load from the installed set.
        kept = [dict(patch, state='disabled', fixes=[]) for patch in kept]
    return kept + [dict(module, state='enabled') for module in new]


def stays(module, installed, loaded):
    """Whether it is loaded already, and not from another file or with other parameters."""
    is_other = any(entry['name'] == module['name'] for entry in installed)
    return is_enabled(module, loaded) and (is_installed(module, installed) or not is_other)


def describe(installed, loaded):
    """Both sets as text, one livepatch a line, for the diff of a task."""
    lines = ['installed for boot:']
    lines += ['  ' + ' '.join([titled(entry)] + entry['parameters'] + ['sha256=' + entry['sha256']])
              for entry in installed]
    lines += ['loaded:']
    lines += ['  ' + ' '.join([titled(patch), patch['state']] + patch['fixes']) for patch in loaded]
    return '\n'.join(lines) + '\n'


def titled(patch):
    return '%s %s' % (patch['name'], patch['version']) if patch['version'] else patch['name']


def is_for(entry, kernel):
    """Whether an installed livepatch is for this kernel, as far as its module tells the build."""
    return (entry['release'] == kernel['release']
            and entry['build_id'] in (None, kernel['build_id']))


def facts(kernel, loaded, installed):
    """What a fleet's inventory needs. `installed` has the livepatches for every kernel."""
    here = [entry for entry in installed if kernel and is_for(entry, kernel)]
    enabled = [patch for patch in loaded if patch['state'] == 'enabled']
    return {
        'kernel': kernel,
        'loaded': [only(patch, 'name', 'version', 'state', 'fixes') for patch in loaded],
        'installed': [only(entry, 'name', 'version', 'fixes', 'parameters', 'sha256') for entry in here],
        'fixes': sorted({fix for patch in enabled for fix in patch['fixes']}),
        'in_transition': names(patch for patch in loaded if patch['state'].startswith('to ')),
        'missing': lacking(here, enabled),
        'without_build': lacking(installed, here),
    }


def only(patch, *members):
    return {member: patch[member] for member in members}


def names(patches):
    return [patch['name'] for patch in patches]


def distinct_names(patches):
    """A livepatch is installed once for each kernel."""
    return sorted(set(names(patches)))


def lacking(patches, others):
    """The names that only the former have."""
    return [name for name in distinct_names(patches) if name not in names(others)]
