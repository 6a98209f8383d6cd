# SPDX-License-Identifier: GPL-2.0
"""What the modules make of the answers of kpsctl."""

import json
import os
import subprocess
import tempfile
import unittest

import paths
import kpsctl


class Failed(Exception):
    """The end of a task that has failed."""


class Module:
    """What the code needs of Ansible's class for modules."""

    def __init__(self, folder, state):
        self.folder, self.environment = folder, dict(os.environ, KPSCTL_STATE=state)
        self.warnings = []

    def get_bin_path(self, name):
        path = os.path.join(self.folder, name)
        return path if os.path.exists(path) else None

    def run_command(self, command):
        done = subprocess.run(command, env=self.environment, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, universal_newlines=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def fail_json(self, **values):
        raise Failed(values)

    def warn(self, text):
        self.warnings.append(text)


class Answers(unittest.TestCase):

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.scratch = scratch.name
        self.module = Module(paths.STAND_IN, self.path('h1.json'))

    def path(self, name):
        return os.path.join(self.scratch, name)

    def file(self, **content):
        """The path of a "module"."""
        with open(self.path('a.ko'), 'w') as file:
            json.dump(dict(content, name='a'), file)
        return self.path('a.ko')

    def program(self, text):
        """A folder with another kpsctl."""
        with open(self.path('kpsctl'), 'w') as file:
            file.write('#!/bin/sh\n' + text)
        os.chmod(self.path('kpsctl'), 0o755)
        return Module(self.scratch, self.path('h1.json'))

    def failure(self, work, *args):
        with self.assertRaises(Failed) as caught:
            work(*args)
        return caught.exception.args[0]

    def test_a_file_is_described(self):
        file = self.file(version='1.0', fixes=['CVE-1'])
        patch = kpsctl.Kpsctl(self.module).demand('info', file).patches[0]
        self.assertEqual((patch['name'], patch['fixes']), ('a', ['CVE-1']))

    def test_a_stall_has_its_message_its_tasks_and_its_remedies(self):
        file = self.file(replaces='never', stalls_on='h1')
        values = self.failure(kpsctl.Kpsctl(self.module).demand, 'install', '--now', file)
        self.assertEqual((values['exit_status'], values['outcome']), (6, 'taken-back'))
        self.assertEqual(values['codes'], ['KPS1027', 'KPS1034'])
        self.assertIn('KPS1027: `a` was taken back', values['msg'])
        self.assertEqual(values['stalled'][0]['tasks'][0]['comm'], 'sleep')
        self.assertTrue(values['stalled'][0]['remedies'])

    def test_a_refusal_has_no_stall(self):
        file = self.file(refused=True)
        values = self.failure(kpsctl.Kpsctl(self.module).demand, 'load', '--dry-run', file)
        self.assertEqual((values['exit_status'], values['stalled']), (3, []))

    def test_a_message_that_is_forgotten_fails_nothing(self):
        file = self.file(replaces='never')
        control = kpsctl.Kpsctl(self.module)
        control.demand('install', '--now', file)
        answer = control.ask('load', '--dry-run', file)
        self.assertEqual(answer.codes, [kpsctl.NAME_IS_LOADED])
        answer.forget(kpsctl.NAME_IS_LOADED)
        self.assertEqual((answer.exit_status, answer.codes), (0, []))

    def test_a_transition_does_not_fail_the_status(self):
        answer = {'schema': 1, 'exit_status': 5, 'outcome': 'in-transition', 'codes': [],
                  'kernel': None, 'patches': [], 'installed': []}
        module = self.program("echo '%s'; exit 5" % json.dumps(answer))
        self.assertEqual(kpsctl.Kpsctl(module).status().exit_status, 5)

    def test_a_missing_kpsctl_says_so(self):
        values = self.failure(kpsctl.Kpsctl, Module(self.scratch, ''))
        self.assertEqual(values['msg'], kpsctl.MISSING)

    def test_one_that_does_not_know_an_option_says_so(self):
        module = self.program('echo "unexpected argument" >&2; exit 2')
        values = self.failure(kpsctl.Kpsctl(module).ask, 'status')
        self.assertIn('needs another version of kpsctl', values['msg'])
        self.assertIn('unexpected argument', values['msg'])

    def test_another_schema_says_so(self):
        for text in ('{"schema": 2}', '{}', '[]', 'h1 enabled'):
            module = self.program("echo '%s'" % text)
            values = self.failure(kpsctl.Kpsctl(module).ask, 'status')
            self.assertIn('schema 1', values['msg'])

    def test_a_remark_between_the_messages_is_no_message(self):
        warning = {'severity': 'warning', 'code': 'KPS1033', 'message': 'm', 'notes': ['n'], 'help': 'h'}
        messages = kpsctl.messages_in('no livepatch is loaded\n' + json.dumps(warning) + '\n')
        self.assertEqual([kpsctl.text_of(message) for message in messages],
                         ['KPS1033: m\nnote: n\nhelp: h'])


if __name__ == '__main__':
    unittest.main()
