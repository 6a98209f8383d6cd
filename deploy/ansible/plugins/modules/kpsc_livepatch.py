#!/usr/bin/python
# SPDX-License-Identifier: GPL-2.0
"""Makes livepatches installed and loaded, or neither."""

DOCUMENTATION = r"""
module: kpsc_livepatch
short_description: Install and load livepatches of the Linux kernel
description:
  - Installs livepatches for the next boot and loads them into the running kernel, or does the
    opposite, with C(kpsctl install --now) and C(kpsctl uninstall --now).
  - The task fails if the kernel refuses a livepatch, or if a task of the host keeps the livepatch
    from being applied until O(timeout). Then C(kpsctl) takes the livepatch back, and the module
    returns to the livepatches that were installed before, so the host is as it was.
  - The module never forces a transition.
author:
  - The kpsc authors (@kpsc)
version_added: "0.1.0"
options:
  state:
    description:
      - V(present) installs and loads the O(modules).
      - V(absent) unloads the livepatches with these O(names), and uninstalls them for every kernel.
    type: str
    choices: [present, absent]
    default: present
  modules:
    description:
      - The livepatches, in the order in which they are loaded.
      - Of those before one that replaces others, none stays, so they are left out.
    type: list
    elements: dict
    suboptions:
      src:
        description: The file, C(NAME.ko).
        type: path
        required: true
      parameters:
        description:
          - The module's parameters. A list is written with commas.
        type: dict
        default: {}
  names:
    description: The livepatches that are to be absent.
    type: list
    elements: str
  remote_src:
    description: Whether the files are on the host already, and not on the controller.
    type: bool
    default: false
  timeout:
    description: How many seconds the transition of each livepatch may take.
    type: int
    default: 60
  on_stall:
    description:
      - What to do with a livepatch that is not applied until O(timeout).
      - V(reverse) takes it back. V(wait) leaves it in transition; the task has failed in both cases.
    type: str
    choices: [reverse, wait]
    default: reverse
requirements:
  - kpsctl on the host
attributes:
  check_mode:
    description: Runs C(kpsctl load --dry-run), and fails if the kernel would refuse a livepatch.
    support: full
  diff_mode:
    description: Shows the installed and the loaded livepatches before and after.
    support: full
  platform:
    description: Where the module works.
    support: full
    platforms: linux
seealso:
  - module: kpsc.livepatch.kpsc_facts
"""

EXAMPLES = r"""
- name: Apply a fix now and at each boot
  kpsc.livepatch.kpsc_livepatch:
    modules:
      - src: net_fix.ko
        parameters:
          level: 2

- name: Apply the file that was built for the kernel of each host
  kpsc.livepatch.kpsc_livepatch:
    modules:
      - src: "net_fix-{{ ansible_facts.kernel }}.ko"

- name: Remove it
  kpsc.livepatch.kpsc_livepatch:
    state: absent
    names: [net_fix]
"""

RETURN = r"""
loaded:
  description: The loaded livepatches after the task, as C(kpsctl status) describes them.
  returned: success, outside check mode
  type: list
  elements: dict
installed:
  description: The livepatches that are installed for the running kernel after the task.
  returned: success, outside check mode
  type: list
  elements: dict
msg:
  description: The errors of kpsctl, with their codes, notes and help.
  returned: failure
  type: str
  sample: "KPS1027: `net_fix` was taken back, because 1 task did not switch within 60 s"
exit_status:
  description: The exit status of kpsctl. 3 is a refusal, 5 a transition that goes on, 6 a load that was taken back.
  returned: failure of a command of kpsctl
  type: int
  sample: 6
outcome:
  description: How the command of kpsctl has ended.
  returned: failure of a command of kpsctl
  type: str
  sample: taken-back
codes:
  description: The codes of the errors and warnings.
  returned: failure of a command of kpsctl
  type: list
  elements: str
  sample: [KPS1027, KPS1034]
messages:
  description: The messages of kpsctl, each with C(severity), C(code), C(message), C(notes) and C(help).
  returned: failure of a command of kpsctl
  type: list
  elements: dict
stalled:
  description: >-
    The livepatches whose transition did not complete, with the C(tasks) that were in their way, each with its
    function, stack and systemd unit, and the C(remedies), the least harmful first.
  returned: failure of a command of kpsctl
  type: list
  elements: dict
rolled_back:
  description: Whether the module has returned to the livepatches that were installed before.
  returned: failure of O(state=present)
  type: bool
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kpsc.livepatch.plugins.module_utils.kpsctl import (
    IN_TRANSITION,
    Kpsctl,
    NAME_IS_LOADED,
)
from ansible_collections.kpsc.livepatch.plugins.module_utils import livepatches


def main():
    module = AnsibleModule(
        argument_spec={
            'state': {'choices': ['present', 'absent'], 'default': 'present'},
            'modules': {
                'type': 'list',
                'elements': 'dict',
                'options': {
                    'src': {'type': 'path', 'required': True},
                    'parameters': {'type': 'dict', 'default': {}},
                },
            },
            'names': {'type': 'list', 'elements': 'str'},
            'remote_src': {'type': 'bool', 'default': False},
            'timeout': {'type': 'int', 'default': 60},
            'on_stall': {'choices': ['reverse', 'wait'], 'default': 'reverse'},
        },
        required_if=[('state', 'present', ['modules']), ('state', 'absent', ['names'])],
        supports_check_mode=True,
    )
    kpsctl = Kpsctl(module)
    if module.params['state'] == 'present':
        make_present(module, kpsctl)
    else:
        make_absent(module, kpsctl)


def make_present(module, kpsctl):
    modules = [read(module, kpsctl, **item) for item in module.params['modules']]
    modules = livepatches.without_replaced(modules)
    before = kpsctl.status()
    new = livepatches.not_in_place(modules, before.installed, before.patches)
    if not module.check_mode:
        if new:
            install(module, kpsctl, new, before)
        succeed(module, before, kpsctl.status(), bool(new))
    for item in new:
        preflight(kpsctl, item, before)
    predict(
        module,
        before,
        livepatches.installed_after(before.installed, new),
        livepatches.loaded_after(before.patches, before.installed, new),
        bool(new),
    )


def read(module, kpsctl, src, parameters):
    """What a file has in it."""
    patch = kpsctl.demand('info', src).patches[0]
    return livepatches.wanted(src, patch, livepatches.parameters_of(parameters), module.sha256(src))


def install(module, kpsctl, modules, before):
    words = ['install', '--now', '--on-stall', module.params['on_stall'], *timeout(module)]
    for item in modules:
        words += [item['path'], *item['parameters']]
    answer = kpsctl.ask(*words)
    if answer.exit_status:
        rolled_back = roll_back(module, kpsctl, answer, before)
        module.fail_json(rolled_back=rolled_back, **answer.failure())
    kpsctl.warn(answer)


def roll_back(module, kpsctl, answer, before):
    """Returns to what was installed before, unless the transition may still complete. `install`
    leaves what a task has kept from being applied in the set, for the next boot."""
    if answer.exit_status == IN_TRANSITION or kpsctl.status().installed == before.installed:
        return False
    return kpsctl.ask('rollback', '--now', *timeout(module)).exit_status == 0


def preflight(kpsctl, item, before):
    """Fails as `install --now` would, which unloads another build of the same name itself."""
    answer = kpsctl.ask('load', '--dry-run', item['path'], *item['parameters'])
    if is_loaded(item['name'], before):
        answer.forget(NAME_IS_LOADED)
    if answer.exit_status:
        kpsctl.module.fail_json(**answer.failure())
    kpsctl.warn(answer)


def is_loaded(name, status):
    return name in livepatches.names(status.patches)


def make_absent(module, kpsctl):
    before = kpsctl.status()
    unwanted = [name_of(name) for name in module.params['names']]
    installed = [entry for entry in kpsctl.demand('list', '--installed').installed
                 if entry['name'] in unwanted]
    loaded = [patch for patch in before.patches if patch['name'] in unwanted]
    is_changed = bool(installed or loaded)
    if module.check_mode:
        predict(
            module,
            before,
            [entry for entry in before.installed if entry['name'] not in unwanted],
            [patch for patch in before.patches if patch['name'] not in unwanted],
            is_changed,
        )
    remove(module, kpsctl, installed, loaded, before.kernel)
    succeed(module, before, kpsctl.status(), is_changed)


def name_of(name):
    """The name of a module, which may be typed with `-` for `_`."""
    return name.replace('-', '_')


def remove(module, kpsctl, installed, loaded, kernel):
    """Uninstalls for the other kernels first: what follows may stall."""
    for release in sorted({entry['release'] for entry in installed}):
        entries = [entry for entry in installed if entry['release'] == release]
        if release != kernel['release']:
            kpsctl.demand('uninstall', '--kernel', release, *livepatches.distinct_names(entries))
    here = [entry for entry in installed if entry['release'] == kernel['release']]
    if here:
        kpsctl.demand('uninstall', '--now', *timeout(module), *livepatches.distinct_names(here))
    # The newest first, as it may replace functions of those below it.
    others = [name for name in reversed(livepatches.names(loaded))
              if name not in livepatches.names(here)]
    if others:
        kpsctl.demand('unload', *timeout(module), *others)


def timeout(module):
    return ['--timeout', str(module.params['timeout'])]


def predict(module, before, installed, loaded, is_changed):
    module.exit_json(changed=is_changed, diff=difference(before, installed, loaded))


def succeed(module, before, after, is_changed):
    module.exit_json(
        changed=is_changed,
        diff=difference(before, after.installed, after.patches),
        installed=after.installed,
        loaded=after.patches,
    )


def difference(before, installed, loaded):
    return {
        'before': livepatches.describe(before.installed, before.patches),
        'after': livepatches.describe(installed, loaded),
    }


if __name__ == '__main__':
    main()
