#!/usr/bin/env node
/** `oneflow`: the launcher goes by the name of this file. */

import "../launch.js";
