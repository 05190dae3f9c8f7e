/** Settings of the qemu driver, which runs real VMs. */

import { z } from "zod";
import { MAX_LIST_ITEMS, MEBIBYTE, names, on, text, whole } from "./fields.ts";

export const qemuFields = z
  .strictObject({
    enabled: z
      .enum(["auto", "always", "never"])
      .default("auto")
      .describe("auto, always or never; auto: where QEMU is installed"),
    binary: text("the QEMU that runs VMs: a path, or the name of a program").default("qemu-system-x86_64"),
    accelerator: z
      .enum(["auto", "kvm", "tcg"])
      .default("auto")
      .describe("auto, kvm or tcg (emulation); auto: KVM where a guest runs on it"),
    run_dir: text(
      "a directory for the guests' files; by default qemu in the home, or below /var/lib/gatehouse for root",
    ).optional(),
    image_dirs: z
      .array(text("a directory"))
      .max(MAX_LIST_ITEMS)
      .default([])
      .describe(
        "a list of directories below which images, kernels and initrds of templates must lie; by default images in the home, or /var/lib/gatehouse/images for root",
      ),
    firmware_dirs: z
      .array(text("a directory"))
      .max(MAX_LIST_ITEMS)
      .default([])
      .describe(
        "a list of directories in which UEFI firmware of templates must lie; by default where distributions have it",
      ),
    network: z
      .enum(["restricted", "user", "bridge"])
      .default("restricted")
      .describe(
        "restricted, user or bridge: guests reach OneGate and the guests of their virtual network, whatever this machine reaches (trusted users' guests only), or the bridge of their network",
      ),
    trusted_users: names(
      "users whose VMs may write images themselves (PERSISTENT), and reach more in the user network",
      ["oneadmin"],
    ),
    memory_mib: whole("MiB that guests may have in all; 0: what this machine has", 0, 1_073_741_824, 0),
    grace_ms: whole("how long a guest may take to power itself off", 0, 3_600_000, 60_000),
    max_log_bytes: whole("the size at which a guest's console log is cut", 1_024, 1_024 * MEBIBYTE, MEBIBYTE),
    end_guests_on_close: on("whether guests are shut down with the house, and boot again with it; or run on"),
  })
  .prefault({});
