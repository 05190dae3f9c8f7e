/** What a scripted core answers to the admin commands: every call that changes something gives 5. */

import { recordedBody, success, worldPool } from "./scripted-core.ts";

const DONE = [
  ...["allocate", "action", "deploy", "migrate", "recover", "attachnic", "detachnic", "rename", "chmod"],
  ...["chown", "update", "resize", "snapshotcreate", "snapshotrevert", "snapshotdelete"],
  ...["schedadd", "schedupdate", "scheddelete"],
].map((name) => `one.vm.${name}`);
const DONE_ELSEWHERE = [
  ...["allocate", "instantiate", "clone", "delete", "chmod"].map((name) => `one.template.${name}`),
  ...["allocate", "status", "delete", "update"].map((name) => `one.host.${name}`),
  ...["allocate", "reserve", "hold", "release", "add_ar", "rm_ar"].map((name) => `one.vn.${name}`),
  ...["allocate", "instantiate", "clone", "delete"].map((name) => `one.vntemplate.${name}`),
  ...["allocate", "passwd", "chgrp", "addgroup", "delgroup", "delete"].map((name) => `one.user.${name}`),
  ...["allocate", "delete"].map((name) => `one.group.${name}`),
  ...["allocate", "instantiate", "chown", "attachnic", "detachnic"].map((name) => `one.vrouter.${name}`),
];

export const ADMIN_ANSWERS = {
  ...Object.fromEntries([...DONE, ...DONE_ELSEWHERE].map((method) => [method, success(5)])),
  "one.vm.info": recordedBody("vm-info"),
  "one.vmpool.info": recordedBody("vmpool-info-all"),
  "one.hostpool.info": recordedBody("hostpool-info"),
  "one.host.info": recordedBody("host-info"),
  "one.vnpool.info": recordedBody("vnpool-info"),
  "one.templatepool.info": success(worldPool("templates", "VMTEMPLATE_POOL")),
  "one.userpool.info": recordedBody("userpool-info"),
  "one.user.info": recordedBody("user-info-self"),
  "one.user.login": success("0123456789abcdef"),
  "one.grouppool.info": success(worldPool("groups", "GROUP_POOL")),
  "one.vrouterpool.info": success(worldPool("routers", "VROUTER_POOL")),
};
