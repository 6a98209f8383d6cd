# SPDX-License-Identifier: GPL-2.0
"""What the modules conclude from the livepatches of a host."""

import unittest

import paths  # noqa: F401, pylint: disable=unused-import
import livepatches

KERNEL = {'release': '6.12', 'build_id': 'c0ffee'}


def wanted(name, version='1.0', replaces=False, parameters=(), fixes=()):
    return {'path': name + '.ko', 'name': name, 'version': version, 'fixes': list(fixes),
            'replaces': replaces, 'parameters': list(parameters), 'sha256': name + version}


def installed(module, release='6.12', build_id='c0ffee'):
    members = ('name', 'version', 'fixes', 'parameters', 'sha256')
    return dict(livepatches.only(module, *members), release=release, build_id=build_id)


def loaded(module, state='enabled'):
    return dict(livepatches.only(module, 'name', 'version', 'fixes'), state=state)


class Parameters(unittest.TestCase):

    def test_values_are_as_the_kernel_parses_them(self):
        values = {'level': 2, 'on': True, 'ports': [80, 443], 'label': 'two words', 'plain': 'word'}
        self.assertEqual(livepatches.parameters_of(values),
                         ['level=2', 'on=Y', 'ports=80,443', 'label="two words"', 'plain=word'])


class Wanted(unittest.TestCase):

    def test_info_of_a_file_and_the_task_make_a_wanted_livepatch(self):
        patch = {'name': 'a', 'version': '1.0', 'fixes': ['CVE-1'], 'replaces': 'always', 'state': None}
        self.assertEqual(livepatches.wanted('a.ko', patch, ['x=1'], 'a1.0'),
                         wanted('a', replaces=True, parameters=['x=1'], fixes=['CVE-1']))

    def test_one_that_replaces_others_ends_those_before_it(self):
        modules = [wanted('a'), wanted('b', replaces=True), wanted('c')]
        self.assertEqual(livepatches.names(livepatches.without_replaced(modules)), ['b', 'c'])
        self.assertEqual(livepatches.without_replaced(modules[:1]), modules[:1])


class InPlace(unittest.TestCase):

    def lacks(self, module, entries, patches):
        return bool(livepatches.not_in_place([module], entries, patches))

    def test_nothing_is_to_do_for_one_that_is_installed_and_enabled(self):
        one = wanted('a')
        self.assertFalse(self.lacks(one, [installed(one)], [loaded(one)]))

    def test_something_is_to_do_for_any_difference(self):
        one = wanted('a')
        self.assertTrue(self.lacks(one, [], [loaded(one)]))
        self.assertTrue(self.lacks(one, [installed(one)], []))
        self.assertTrue(self.lacks(one, [installed(one)], [loaded(one, 'to enabled')]))
        self.assertTrue(self.lacks(one, [installed(one)], [loaded(one, 'disabled')]))
        self.assertTrue(self.lacks(one, [installed(one)], [loaded(wanted('a', '0.9'))]))
        self.assertTrue(self.lacks(wanted('a', parameters=['x=1']), [installed(one)], [loaded(one)]))
        self.assertTrue(self.lacks(wanted('a', '1.1'), [installed(one)], [loaded(one)]))


class Prediction(unittest.TestCase):

    def test_another_build_takes_its_place_in_the_set(self):
        entries = [installed(wanted('a')), installed(wanted('b'))]
        after = livepatches.installed_after(entries, [wanted('a', '1.1'), wanted('c')])
        self.assertEqual([livepatches.titled(entry) for entry in after], ['a 1.1', 'b 1.0', 'c 1.0'])

    def test_one_that_replaces_others_is_alone_in_the_set(self):
        entries = [installed(wanted('a')), installed(wanted('b'))]
        after = livepatches.installed_after(entries, [wanted('c', replaces=True)])
        self.assertEqual(livepatches.names(after), ['c'])

    def test_what_it_replaces_is_unloaded_if_it_was_installed_and_disabled_otherwise(self):
        entries, patches = [installed(wanted('a'))], [loaded(wanted('a')), loaded(wanted('hand'))]
        after = livepatches.loaded_after(patches, entries, [wanted('c', replaces=True)])
        self.assertEqual([(patch['name'], patch['state']) for patch in after],
                         [('hand', 'disabled'), ('c', 'enabled')])

    def test_one_that_is_loaded_and_only_not_installed_stays(self):
        patches = [loaded(wanted('a')), loaded(wanted('b'))]
        self.assertEqual(livepatches.loaded_after(patches, [], [wanted('a')]), patches)

    def test_the_text_names_what_differs(self):
        one = wanted('a', parameters=['x=1'], fixes=['CVE-1'])
        self.assertEqual(livepatches.describe([one], [loaded(one)]), '\n'.join([
            'installed for boot:', '  a 1.0 x=1 sha256=a1.0', 'loaded:', '  a 1.0 enabled CVE-1', '']))


class Facts(unittest.TestCase):

    def test_only_an_enabled_livepatch_fixes_something(self):
        patches = [loaded(wanted('a', fixes=['CVE-2', 'CVE-1'])),
                   loaded(wanted('b', fixes=['CVE-3']), 'to enabled')]
        facts = livepatches.facts(KERNEL, patches, [])
        self.assertEqual(facts['fixes'], ['CVE-1', 'CVE-2'])
        self.assertEqual(facts['in_transition'], ['b'])

    def test_missing_is_what_is_installed_for_this_kernel_and_not_enabled(self):
        entries = [installed(wanted('a')), installed(wanted('b')), installed(wanted('foreign'), build_id=None)]
        facts = livepatches.facts(KERNEL, [loaded(wanted('a')), loaded(wanted('b'), 'disabled')], entries)
        self.assertEqual(facts['missing'], ['b', 'foreign'])
        self.assertEqual(facts['without_build'], [])

    def test_one_for_other_kernels_has_no_build_for_this_one(self):
        entries = [installed(wanted('a'), release='6.1'), installed(wanted('a'), build_id='beef')]
        facts = livepatches.facts(KERNEL, [], entries)
        self.assertEqual((facts['installed'], facts['missing'], facts['without_build']), ([], [], ['a']))

    def test_an_unknown_kernel_has_none(self):
        self.assertEqual(livepatches.facts(None, [], [installed(wanted('a'))])['missing'], [])


if __name__ == '__main__':
    unittest.main()
