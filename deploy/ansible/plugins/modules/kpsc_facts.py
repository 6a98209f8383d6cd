#!/usr/bin/python
# SPDX-License-Identifier: GPL-2.0
"""Tells which livepatches a host has, and what they fix."""

DOCUMENTATION = r"""
module: kpsc_facts
short_description: Gather the livepatches of a host, and the CVEs that they fix
description:
  - Returns which livepatches are loaded and installed, as C(kpsctl) reports them.
  - A kernel without support for livepatches is no failure. It has none.
author:
  - The kpsc authors (@kpsc)
version_added: "0.1.0"
requirements:
  - kpsctl on the host
attributes:
  check_mode:
    description: Changes nothing.
    support: full
  diff_mode:
    description: Changes nothing.
    support: N/A
  facts:
    description: Returns facts.
    support: full
  platform:
    description: Where the module works.
    support: full
    platforms: linux
seealso:
  - module: kpsc.livepatch.kpsc_livepatch
"""

EXAMPLES = r"""
- name: See what is patched
  kpsc.livepatch.kpsc_facts:

- name: List the hosts that lack a fix
  ansible.builtin.debug:
    msg: "{{ inventory_hostname }} lacks the fix of CVE-2026-0001"
  when: "'CVE-2026-0001' not in ansible_facts.kpsc.fixes"
"""

RETURN = r"""
ansible_facts:
  description: The facts.
  returned: success
  type: dict
  contains:
    kpsc:
      description: The livepatches of the host.
      returned: success
      type: dict
      contains:
        kernel:
          description: C(release) and C(build_id) of the running kernel, or null if they are unknown.
          returned: success
          type: dict
        is_supported:
          description: Whether the running kernel supports livepatches.
          returned: success
          type: bool
        loaded:
          description: >-
            C(name), C(version), C(state) and C(fixes) of the loaded livepatches. The state is V(enabled), V(disabled),
            V(to enabled) or V(to disabled).
          returned: success
          type: list
          elements: dict
        installed:
          description: >-
            C(name), C(version), C(fixes), C(parameters) and C(sha256) of the livepatches that are installed for the
            running kernel.
          returned: success
          type: list
          elements: dict
        fixes:
          description: What the host has fixed now. A livepatch that is in transition has not fixed anything yet.
          returned: success
          type: list
          elements: str
          sample: [CVE-2026-0001]
        in_transition:
          description: The names of the livepatches in transition.
          returned: success
          type: list
          elements: str
        missing:
          description: The names of those that are installed for the running kernel and not enabled in it.
          returned: success
          type: list
          elements: str
        without_build:
          description: The names of those that are installed for other kernels only.
          returned: success
          type: list
          elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kpsc.livepatch.plugins.module_utils.kpsctl import (
    Kpsctl,
    NO_LIVEPATCH_SUPPORT,
)
from ansible_collections.kpsc.livepatch.plugins.module_utils import livepatches


def main():
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    kpsctl = Kpsctl(module)
    listed = kpsctl.demand('list', '--installed')
    status = kpsctl.ask('status')
    is_supported = NO_LIVEPATCH_SUPPORT not in status.codes
    if is_supported and not status.tells_status():
        module.fail_json(**status.failure())
    facts = livepatches.facts(listed.kernel, status.patches, listed.installed)
    module.exit_json(ansible_facts={'kpsc': dict(facts, is_supported=is_supported)})


if __name__ == '__main__':
    main()
