#!/usr/bin/env node
/** `onevm`: the launcher goes by the name of this file. */

import "../launch.js";
