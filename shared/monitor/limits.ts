/** What a monitor message may hold and weigh, in both codecs. Everything is bounded before it is parsed. */

/**
 * A sealed frame up to this size goes by UDP, a larger one over TCP. It fits an Ethernet packet of 1,500 bytes even
 * inside IPv6 and a VXLAN or WireGuard tunnel, so no datagram is fragmented: a lost fragment loses the whole, and
 * many networks drop fragments. 20 VMs of eight metrics take some 900 bytes.
 */
export const MAX_DATAGRAM_BYTES = 1400;

/** The largest datagram that UDP over IPv4 can bring; agents of OpenNebula send text up to this size. */
export const MAX_UDP_BYTES = 65_507;

/** One text message on a stream. */
export const MAX_TEXT_BYTES = 1024 * 1024;

/** Its payload after inflating: what the template parser takes. */
export const MAX_PAYLOAD_BYTES = 1024 * 1024;

/** One sealed frame on a stream, without its length. */
export const MAX_FRAME_BYTES = 1024 * 1024;

/** The contents of a sealed frame after inflating. */
export const MAX_CONTENTS_BYTES = 4 * 1024 * 1024;

/** Messages, or numbers of acknowledged deliveries, of one sealed frame. */
export const MAX_ITEMS = 256;

/** VMs of one message; a host has hundreds. */
export const MAX_VMS = 10_000;

/** Attributes of one VM's reading; OpenNebula's own have about 25. */
export const MAX_VM_ATTRIBUTES = 1024;

/** Characters of a failure's or a log's text that are kept. */
export const MAX_TEXT_CHARACTERS = 16 * 1024;

/**
 * RSA blocks of one message: a datagram of 65,507 bytes holds 191 blocks of a 2,048 bit key. Each costs the daemon
 * about 0.3 ms.
 */
export const MAX_RSA_BLOCKS = 256;

/** Object ids are 32 bit integers in OpenNebula's core. */
export const MAX_OBJECT_ID = 2 ** 31 - 1;

/** Epoch seconds of 11 digits reach the year 5138. */
export const MAX_TIMESTAMP = 99_999_999_999;
