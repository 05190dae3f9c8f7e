#!/usr/bin/env node
/** `oneflow-template`: the launcher goes by the name of this file. */

import "../launch.js";
