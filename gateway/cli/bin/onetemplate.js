#!/usr/bin/env node
/** `onetemplate`: the launcher goes by the name of this file. */

import "../launch.js";
