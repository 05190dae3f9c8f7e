#!/usr/bin/env node
/** `onevnet`: the launcher goes by the name of this file. */

import "../launch.js";
