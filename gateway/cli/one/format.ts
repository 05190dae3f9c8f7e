/** Numbers, times and texts as OpenNebula's commands write them. Pure, but for the time zone. */

const UNITS = ["K", "M", "G", "T"] as const;

/** An amount in `unit` (1024 steps), one decimal at most: `43.5M`. */
export function amountText(amount: number, unit: (typeof UNITS)[number]): string {
  let value = amount;
  let at = UNITS.indexOf(unit);
  while (value > 1024 && at < UNITS.length - 1) {
    value /= 1024;
    at += 1;
  }
  return `${Math.round(value * 10) / 10}${UNITS[at]}`;
}

/** Seconds as `  0d 01h06m`; a table cuts the last letter. */
export function periodText(seconds: number): string {
  const minutes = Math.floor(Math.max(0, seconds) / 60);
  const days = Math.floor(minutes / 1440);
  const hours = Math.floor((minutes % 1440) / 60);
  return `${String(days).padStart(3)}d ${two(hours)}h${two(minutes % 60)}m`;
}

/** Seconds as `  0h00m05s`. */
export function shortPeriodText(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const hours = String(Math.floor(whole / 3600)).padStart(3);
  return `${hours}h${two(Math.floor((whole % 3600) / 60))}m${two(whole % 60)}s`;
}

/** Seconds since the epoch as `11/20 10:49:03`, local time; `-` for 0. */
export function timeText(epochSeconds: number): string {
  if (epochSeconds <= 0) return "-";
  const date = new Date(epochSeconds * 1000);
  const day = `${two(date.getMonth() + 1)}/${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

function two(number: number): string {
  return String(number).padStart(2, "0");
}

/** Names and values come from users: what would steer the reader's terminal becomes `?`; lines and tabs stay. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "?");
}

/** The same in a table's cell, which is one line. */
export function printableCell(text: string): string {
  return printable(text.replace(/\s+/g, (space) => (/[\n\r\t]/.test(space) ? " " : space)));
}

export function yesOrNo(flag: string): string {
  return flag === "1" ? "Yes" : "No";
}

/** Whole percent, cut as OpenNebula cuts it. */
export function percent(part: number, whole: number): number {
  return Math.floor((part * 100) / whole);
}
