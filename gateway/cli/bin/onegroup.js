#!/usr/bin/env node
/** `onegroup`: the launcher goes by the name of this file. */

import "../launch.js";
