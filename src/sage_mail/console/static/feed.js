"use strict";
// Follows the live feed of Sage: reconnects and resumes by itself, so that no event is missed.
// onState(state, reason) hears "live", "lost" (it comes back by itself) and "refused" (it does not).
class SageFeed {
  constructor(url, { token, since = null, filters = {}, onEvent, onState = () => {} }) {
    Object.assign(this, { url, token, since, filters, onEvent, onState, pause: 250 });
    this.connect();
  }

  connect() {
    const address = new URL(this.url.replace(/\/$/, "") + "/feed", location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    for (const [name, values] of Object.entries(this.filters)) {
      for (const value of [values].flat()) address.searchParams.append(name, value);
    }
    if (this.since !== null) address.searchParams.set("since", this.since);
    // A page cannot set headers; the token goes with the handshake and not into the address.
    const token = btoa(this.token).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
    this.socket = new WebSocket(address, ["sage.feed", "sage.bearer." + token]);
    this.socket.onmessage = (message) => this.take(JSON.parse(message.data));
    this.socket.onclose = (close) => this.lost(close);
    this.listen(30);
  }

  listen(seconds) {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => { this.socket.onclose = null; this.socket.close(); this.lost({}); }, seconds * 1000);
  }

  take(event) {
    if (event.type.startsWith("feed.")) {
      this.patience = event.data.heartbeat * 2.5 + 1;
      this.pause = 250;
      if (event.type === "feed.ready") this.onState("live", "");
    }
    this.listen(this.patience);
    const known = this.since !== null && event.sequence <= this.since;
    this.since = event.sequence;
    if (!known && !event.type.startsWith("feed.")) this.onEvent(event);
  }

  lost(close) {
    clearTimeout(this.silence);
    if (this.closed) return;
    const refused = close.code === 4400 || close.code === 4401;
    this.onState(refused ? "refused" : "lost", close.reason || "");
    if (refused) return;
    this.retry = setTimeout(() => this.connect(), this.pause * (0.5 + Math.random() / 2));
    this.pause = Math.min(this.pause * 2, 30000);
  }

  close() {
    this.closed = true;
    clearTimeout(this.retry);
    clearTimeout(this.silence);
    this.socket.close();
  }
}
