/** `onRealtimeMessageSend`: one message to one client. */
import { toText } from "./casting";
import type { Handler } from "./chain";
import { isApiError } from "./errors";
import { RequestEvent } from "./event";
import { logFailure } from "./log";
import { type ClientJson, RealtimeClient, SubscriptionMessage } from "./realtime";
import type { RequestData } from "./request";

/** A message of the document; the last two are other plugins' decisions. */
export interface MessageJson { client: ClientJson; event: string; data: string; drop?: boolean; close?: boolean }
/** What is to be done differently with a message. */
export interface MessageFate { at: number; event?: string; data?: string; drop?: true; close?: true }

export class MessageEvent extends RequestEvent {
  readonly client: RealtimeClient;
  message: SubscriptionMessage;
  #json: MessageJson;
  #sent = false;

  constructor(json: MessageJson) {
    super();
    this.#json = json;
    this.client = new RealtimeClient(json.client);
    this.message = new SubscriptionMessage({ name: json.event, data: json.data });
  }

  /** Runs the handlers; nothing if the message goes as it is. An error ends the client's stream. */
  async decide(handlers: readonly Handler<any>[]): Promise<Omit<MessageFate, "at"> | undefined> {
    if (this.#json.drop || this.#json.close) return undefined;
    try {
      await this.run(handlers);
    } catch (error) {
      if (!isApiError(error)) logFailure("onRealtimeMessageSend", error);
      return { close: true };
    }
    if (!this.#sent) return { drop: true };
    const [event, data] = [toText(this.message.name), toText(this.message.data)];
    if (event === this.#json.event && data === this.#json.data) return undefined;
    return { event, data };
  }

  /** Behind the last handler the message goes on its way. */
  protected finish(): void {
    this.#sent = true;
  }
  protected requestData(): RequestData {
    return { method: "GET", path: "/api/realtime", query: "", headers: "", remoteAddress: "", body: {} };
  }
  protected rawQuery(): string {
    return "";
  }
  protected identity(): null {
    return null;
  }
  protected override requestContext(): string {
    return "realtime";
  }
}
