/** A request without an answer: what every layer of the connection throws, and retries decide by. */

/** No answer came. `sent`: the server may have got the request all the same. `lasting`: trying again is no use. */
export class LostError extends Error {
  readonly sent: boolean;
  readonly lasting: boolean;

  constructor(message: string, { sent, lasting = false }: { sent: boolean; lasting?: boolean }) {
    super(message);
    this.name = "LostError";
    this.sent = sent;
    this.lasting = lasting;
  }
}
