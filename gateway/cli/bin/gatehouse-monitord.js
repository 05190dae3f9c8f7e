#!/usr/bin/env node
/** `gatehouse-monitord`: the launcher goes by the name of this file. */

import "../launch.js";
