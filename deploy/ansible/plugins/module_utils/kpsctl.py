# SPDX-License-Identifier: GPL-2.0
"""Runs kpsctl. The modules know a host's livepatches from its exit statuses and its JSON alone."""

import json

SCHEMA = 1

WRONG_COMMAND_LINE = 2
IN_TRANSITION = 5

NO_LIVEPATCH_SUPPORT = 'KPS1001'
NAME_IS_LOADED = 'KPS1008'

MISSING = ('there is no kpsctl on this host: install it first, for example with the package that '
           'has it')
UNKNOWN = ('this collection needs another version of kpsctl than {path}, which does not answer '
           '`{command}` with JSON of schema {schema}: {stderr}')


class Answer:
    """What one run of kpsctl has answered."""

    def __init__(self, result, messages):
        self.exit_status = result['exit_status']
        self.outcome = result['outcome']
        self.codes = result['codes']
        self.kernel = result['kernel']
        self.patches = result['patches']
        self.installed = result['installed']
        self.messages = messages

    def of_severity(self, severity):
        return [message for message in self.messages if message['severity'] == severity]

    def tells_status(self):
        """Whether `status` has succeeded. It ends with 5 if it has found a transition."""
        return self.exit_status in (0, IN_TRANSITION)

    def forget(self, code):
        """Leaves the messages with a code out, and lets the others decide whether it has failed."""
        self.messages = [message for message in self.messages if message['code'] != code]
        self.codes = [other for other in self.codes if other != code]
        if not self.of_severity('error'):
            self.exit_status, self.outcome = 0, 'done'

    def failure(self):
        """The values that a failed task returns."""
        errors = [text_of(message) for message in self.of_severity('error')]
        return {
            'msg': '\n'.join(errors) or 'kpsctl ended with status %d' % self.exit_status,
            'exit_status': self.exit_status,
            'outcome': self.outcome,
            'codes': self.codes,
            'messages': self.messages,
            'stalled': [stall_of(patch) for patch in self.patches if is_stalled(patch)],
        }


class Kpsctl:
    """The kpsctl of a host. A task whose kpsctl cannot be used has failed."""

    def __init__(self, module):
        self.module = module
        self.path = module.get_bin_path('kpsctl')
        if self.path is None:
            module.fail_json(msg=MISSING)

    def ask(self, *words):
        """The answer to a command, which may be that it has failed."""
        command = [self.path] + list(words)
        command += ['--format', 'json', '--message-format', 'json']
        status, stdout, stderr = self.module.run_command(command)
        answer = None if status == WRONG_COMMAND_LINE else read(stdout, stderr)
        if answer is None:
            self.module.fail_json(msg=UNKNOWN.format(
                path=self.path, command=' '.join(command), schema=SCHEMA, stderr=stderr.strip()))
        return answer

    def demand(self, *words):
        """The answer to a command that has to succeed."""
        answer = self.ask(*words)
        if answer.exit_status:
            self.module.fail_json(**answer.failure())
        return answer

    def status(self):
        """The loaded livepatches, and the installed ones that are for the running kernel."""
        answer = self.ask('status')
        if not answer.tells_status():
            self.module.fail_json(**answer.failure())
        return answer

    def warn(self, answer):
        """Hands kpsctl's warnings to Ansible."""
        for message in answer.of_severity('warning'):
            self.module.warn(text_of(message))


def read(stdout, stderr):
    """The answer in the output of a run, or None if this is not the schema."""
    try:
        result = json.loads(stdout)
        return Answer(result, messages_in(stderr)) if result['schema'] == SCHEMA else None
    except (ValueError, TypeError, KeyError):
        return None


def messages_in(stderr):
    """The messages of a run. A remark that is no message is a line without JSON."""
    lines = [line for line in stderr.splitlines() if line.startswith('{')]
    return [json.loads(line) for line in lines]


def text_of(message):
    """A message for people."""
    lines = ['%s: %s' % (message['code'], message['message'])]
    lines += ['note: %s' % note for note in message['notes']]
    if message['help']:
        lines.append('help: %s' % message['help'])
    return '\n'.join(lines)


def is_stalled(patch):
    return bool(patch['behind'] or patch['unseen'] or patch['remedies'])


def stall_of(patch):
    members = ('name', 'state', 'behind', 'unseen', 'tasks', 'remedies')
    return {member: patch[member] for member in members}
