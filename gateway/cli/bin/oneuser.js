#!/usr/bin/env node
/** `oneuser`: the launcher goes by the name of this file. */

import "../launch.js";
