#!/usr/bin/env node
/** `gatehouse-agent`: the launcher goes by the name of this file. */

import "../launch.js";
