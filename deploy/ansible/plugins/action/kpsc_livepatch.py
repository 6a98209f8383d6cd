# SPDX-License-Identifier: GPL-2.0
"""Copies the modules of a task from the controller to the host, and runs the module there."""

from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

import os


class ActionModule(ActionBase):

    TRANSFERS_FILES = True

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        try:
            return self._execute_module(module_args=self._remote_args(), task_vars=task_vars)
        finally:
            self._remove_tmp_path(self._connection._shell.tmpdir)

    def _remote_args(self):
        """The arguments of the task, with the paths of the files on the host."""
        args = self._task.args.copy()
        modules = args.get('modules') or []
        if boolean(args.get('remote_src', False), strict=False):
            return args
        if not isinstance(modules, list) or not all(isinstance(item, dict) for item in modules):
            raise AnsibleActionFail('`modules` has to be a list of `src`, each with its `parameters`')
        args['modules'] = [self._transferred(n, item) for n, item in enumerate(modules)]
        return args

    def _transferred(self, n, item):
        """A module whose file is on the host. Two files from two folders may have one name."""
        if not item.get('src'):
            return item
        source = self._find_needle('files', os.path.expanduser(item['src']))
        name = '%d-%s' % (n, os.path.basename(source))
        path = self._connection._shell.join_path(self._connection._shell.tmpdir, name)
        self._transfer_file(self._loader.get_real_file(source), path)
        self._fixup_perms2((self._connection._shell.tmpdir, path))
        return dict(item, src=path)
