#!/usr/bin/env node
/** `onehost`: the launcher goes by the name of this file. */

import "../launch.js";
