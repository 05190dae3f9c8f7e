/** Indents XML as it came: order, CDATA and escapes untouched; only the layout between elements changes. */

const TOKEN = /<!\[CDATA\[[\s\S]*?\]\]>|<[^>]*>|[^<]+/g;

/** Two blanks a level; an element that holds only text stays on one line. The XML must be well-formed. */
export function indentXml(xml: string): string {
  const lines: string[] = [];
  let depth = 0;
  let opened: string | undefined;
  let content = "";
  const add = (line: string) => void lines.push(`${"  ".repeat(depth)}${line}`);
  const openPending = () => {
    if (opened === undefined) return;
    add(opened);
    depth += 1;
    opened = undefined;
  };
  for (const [token] of xml.matchAll(TOKEN)) {
    if (!token.startsWith("<") || token.startsWith("<![CDATA[")) {
      content += token;
    } else if (token.startsWith("</")) {
      if (opened === undefined) depth -= 1;
      add(opened === undefined ? token : `${opened}${content}${token}`);
      opened = undefined;
    } else {
      openPending();
      content = "";
      if (token.endsWith("/>") || /^<[?!]/.test(token)) add(token);
      else opened = token;
    }
  }
  return `${lines.join("\n")}\n`;
}
