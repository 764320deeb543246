/**
 * What the tests of the hub share: members of it over a transport in memory, and a broker that does what a test tells it.
 *
 * @module
 */
import type { Broker, BrokerMessage, BrokerState } from "../../lib/hub/broker.ts";

import { HubMessage } from "../../lib/hub/hub_message.ts";
import { createHub } from "../../lib/hub/hub.ts";
import type { Hub, HubOptions } from "../../lib/hub/hub_options.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import { Opcode } from "../../lib/pipeline/frames/frame.ts";
import { open, type Opened, type OpenOptions } from "../connection/_support.ts";

/** A connection to a hub's server. */
export interface Member extends Opened, AsyncDisposable {
  /** Reads so many messages, as text. */
  texts(count: number): Promise<string[]>;
}

/** Connects to a hub's server. */
export function join(hub: Hub, options: OpenOptions = {}): Member {
  const opened = open({ hub, ...options });
  return {
    ...opened,
    async texts(count) {
      const texts: string[] = [];
      while (texts.length < count) {
        const { opcode, payload } = await opened.peer.readFrame();
        if (opcode !== Opcode.TEXT) throw new Error(`Got a frame of opcode ${opcode} after ${JSON.stringify(texts)}`);
        texts.push(new TextDecoder().decode(payload));
      }
      return texts;
    },
    async [Symbol.asyncDispose]() {
      opened.connection.abort();
      await opened.connection.closed;
    },
  };
}

/** A member that does not read: its transport holds 10 bytes, and 100 queued bytes are its high-water mark. */
export function joinSlowly(hub: Hub, options: OpenOptions = {}): Member {
  return join(hub, { capacity: 10, highWaterMark: 100, ...options });
}

/** A hub whose mistakes fail the test, unless it notes them. */
export function hubOf(options: HubOptions = {}): Hub {
  return createHub({
    // Out of the hub's hands, which would print what a hook throws.
    onError: (error) =>
      queueMicrotask(() => {
        throw error;
      }),
    ...options,
  });
}

/** A message of a hub. */
export function message(id: number, topic: string, data: Message): HubMessage {
  return new HubMessage({ id, topic, data, options: undefined });
}

/** A broker in the test's hands. */
export class FakeBroker implements Broker {
  state: BrokerState = "up";
  lost = 0;
  /** What it was told, in order. */
  readonly told: string[] = [];
  readonly published: BrokerMessage[] = [];
  #hooks: Parameters<Broker["attach"]>[0] | undefined;

  attach(hooks: Parameters<Broker["attach"]>[0]): void {
    if (this.#hooks !== undefined) throw new Error("Attached twice");
    this.#hooks = hooks;
  }

  /** Another hub publishes. */
  bring(message: BrokerMessage): void {
    this.#hooks?.receive(message);
  }

  /** The broker goes down, or comes back. */
  turn(state: BrokerState): void {
    this.state = state;
    this.#hooks?.state?.(state);
  }

  publish(message: BrokerMessage): void {
    if (this.state === "up") this.published.push(message);
    else this.lost++;
  }

  subscribe(topic: string): void {
    this.told.push(`+${topic}`);
  }

  unsubscribe(topic: string): void {
    this.told.push(`-${topic}`);
  }

  subscribeAll(): void {
    this.told.push("+all");
  }

  unsubscribeAll(): void {
    this.told.push("-all");
  }

  close(): Promise<void> {
    this.turn("closed");
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
