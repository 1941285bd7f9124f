"use strict";
// Draws the board that the server sends, whole, whenever something was committed.

const list = document.getElementById("mails");
const template = document.getElementById("mail").content.firstElementChild;
const link = document.getElementById("link");
const drawn = new Map(); // message id -> {element, text}

const words = { delivered: "told", pending: "waiting", failed: "given up" };

let isFirst = true; // what is there already when the page is opened does not arrive

// On a telephone the mails come first; what else there is opens by a touch.
if (matchMedia("(max-width: 60rem)").matches) {
  for (const box of document.querySelectorAll("aside > details")) box.open = false;
}

function fill(element, mail) {
  const put = (name, text) => { element.querySelector("." + name).textContent = text; };
  element.className = mail.category + (element.dataset.drawn || isFirst ? "" : " fresh");
  element.dataset.drawn = "yes";
  put("from", mail.sender);
  put("subject", mail.subject || "(no subject)");
  put("category", mail.category);
  put("confidence", Math.floor(mail.confidence * 100) + " %");
  put("priority", mail.priority === "high" ? "high priority" : "");
  element.querySelector(".priority").className = "priority " + mail.priority;
  element.querySelector(".meter i").style.width = mail.confidence * 100 + "%";
  const time = element.querySelector("time");
  time.dateTime = mail.stored_at;
  time.textContent = timeOf(mail.stored_at);
  const folder = element.querySelector(".folder");
  folder.textContent = (mail.filed ? "filed in " : "in ") + mail.mailbox;
  folder.className = "folder" + (mail.filed ? " filed" : "");
  element.querySelector(".deliveries").replaceChildren(...mail.deliveries.map(drawDelivery));
  put("why", mail.reasons.length ? `why: ${mail.reasons[0]}` : "why: nothing spoke for anything else");
  element.querySelector(".reasons").replaceChildren(...mail.reasons.map(drawReason));
}

function drawDelivery(delivery) {
  const attempts = delivery.attempts > 1 ? `, attempt ${delivery.attempts}` : "";
  return part(delivery.status, `${delivery.endpoint}: ${words[delivery.status]}${attempts}`);
}

function part(name, text) {
  const span = document.createElement("span");
  span.className = name;
  span.textContent = text;
  return span;
}

function drawEndpoint(endpoint) {
  const item = document.createElement("li");
  item.append(part("name", endpoint.name), part("delivered", `${endpoint.delivered} told`));
  if (endpoint.pending) item.append(part("pending", `${endpoint.pending} waiting`));
  if (endpoint.failed) item.append(part("failed", `${endpoint.failed} given up`));
  if (!endpoint.enabled) item.append(part("failed", `disabled: ${endpoint.reason || "by hand"}`));
  return item;
}

function stateOf(sending) {
  const tries = sending.attempts > 1 ? ` at attempt ${sending.attempts}` : "";
  if (sending.status === "delivered") return words.delivered + tries;
  if (sending.status === "failed") return `${words.failed}${tries}: ${sending.error || ""}`;
  return `${sending.error || "failed"}; again at ${timeOf(sending.next_attempt_at)}`;
}

function timeOf(moment) {
  return new Date(moment).toLocaleTimeString();
}

// Two lines: what it is, and below it the mail that it is about.
function row(facts, subject) {
  const item = document.createElement("li");
  const first = part("line", "");
  first.append(...facts);
  item.append(first, part("what", subject));
  return item;
}

function drawSending(sending) {
  const facts = [
    part("name", sending.endpoint),
    part("type", sending.event),
    part("state " + sending.status, stateOf(sending)),
  ];
  return row(facts, sending.subject);
}

function drawReason(reason) {
  const item = document.createElement("li");
  item.textContent = reason;
  return item;
}

function elementOf(mail) {
  const text = JSON.stringify(mail);
  let known = drawn.get(mail.id);
  if (!known) {
    known = { element: template.cloneNode(true), text: "" };
    drawn.set(mail.id, known);
  }
  if (known.text !== text) {
    fill(known.element, mail);
    known.text = text;
  }
  return known.element;
}

function draw(board) {
  for (const [name, count] of Object.entries(board.counts)) {
    document.querySelector(`[data-count="${name}"]`).textContent = count;
  }
  document.getElementById("deliveries").hidden = board.endpoints.length === 0;
  document.getElementById("endpoints").replaceChildren(...board.endpoints.map(drawEndpoint));
  document.getElementById("sendings").replaceChildren(...board.sendings.map(drawSending));
  const elements = board.mails.map(elementOf);
  elements.forEach((element, index) => {
    if (list.children[index] !== element) list.insertBefore(element, list.children[index] || null);
  });
  const shown = new Set(board.mails.map((mail) => mail.id));
  for (const [id, known] of drawn) {
    if (!shown.has(id)) { known.element.remove(); drawn.delete(id); }
  }
  isFirst = false;
  const empty = document.getElementById("empty");
  empty.textContent = "No mail yet. It appears here as it arrives.";
  empty.hidden = elements.length > 0;
}

const board = new EventSource("/board");
board.onerror = () => { link.textContent = "the connection is gone; trying again"; link.className = "link"; };
board.onmessage = (event) => {
  draw(JSON.parse(event.data));
  link.textContent = "live";
  link.className = "link up";
};

// The log of events, from the live feed; a board that is drawn whole does not say what happened.
const token = document.querySelector("meta[name=feed-token]").content;
const log = document.getElementById("log");
const shownEvents = 8;

function drawEvent(event) {
  const moved = event.data.moved;
  const where = moved ? `${moved.from.mailbox} \u2192 ${moved.to.mailbox}` : event.data.mailbox || event.data.account || "";
  const facts = [part("number", event.sequence), part("type", event.type), part("when", timeOf(event.timestamp))];
  const what = event.data.subject || event.data.reason || "";
  log.prepend(row(facts, [where, what].filter(Boolean).join(": ")));
  while (log.children.length > shownEvents) log.lastElementChild.remove();
}

if (token) {
  document.getElementById("events").hidden = false;
  const state = document.getElementById("feed");
  new SageFeed(location.origin, {
    token,
    since: 0,
    onEvent: drawEvent,
    onState: (name, reason) => {
      state.textContent = reason || name;
      state.className = name === "live" ? "link up" : "link";
    },
  });
}
