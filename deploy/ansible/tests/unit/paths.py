# SPDX-License-Identifier: GPL-2.0
"""Lets the tests import what the modules share, without Ansible."""

import os
import sys

COLLECTION = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STAND_IN = os.path.join(COLLECTION, 'tests', 'stand_in')

sys.path.insert(0, os.path.join(COLLECTION, 'plugins', 'module_utils'))
