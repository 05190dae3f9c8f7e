#!/usr/bin/env node
/** `onevrouter`: the launcher goes by the name of this file. */

import "../launch.js";
