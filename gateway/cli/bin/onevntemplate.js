#!/usr/bin/env node
/** `onevntemplate`: the launcher goes by the name of this file. */

import "../launch.js";
