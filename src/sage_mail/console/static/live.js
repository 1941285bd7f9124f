"use strict";
// Draws the board that the server sends, whole, whenever something was committed.

const list = document.getElementById("mails");
const template = document.getElementById("mail").content.firstElementChild;
const link = document.getElementById("link");
const drawn = new Map(); // message id -> {element, text}

function fill(element, mail) {
  const put = (name, text) => { element.querySelector("." + name).textContent = text; };
  element.className = mail.category + (element.dataset.drawn ? "" : " fresh");
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
  time.textContent = new Date(mail.stored_at).toLocaleTimeString();
  const folder = element.querySelector(".folder");
  folder.textContent = (mail.filed ? "filed in " : "in ") + mail.mailbox;
  folder.className = "folder" + (mail.filed ? " filed" : "");
  element.querySelector(".deliveries").replaceChildren(...mail.deliveries.map(drawDelivery));
  element.querySelector(".reasons").replaceChildren(...mail.reasons.map(drawReason));
}

function drawDelivery(delivery) {
  const span = document.createElement("span");
  span.className = delivery.status;
  const attempts = delivery.attempts > 1 ? `, attempt ${delivery.attempts}` : "";
  span.textContent = `${delivery.endpoint}: ${delivery.status}${attempts}`;
  return span;
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
  const elements = board.mails.map(elementOf);
  elements.forEach((element, index) => {
    if (list.children[index] !== element) list.insertBefore(element, list.children[index] || null);
  });
  const shown = new Set(board.mails.map((mail) => mail.id));
  for (const [id, known] of drawn) {
    if (!shown.has(id)) { known.element.remove(); drawn.delete(id); }
  }
  document.getElementById("empty").hidden = elements.length > 0;
}

const board = new EventSource("/board");
board.onopen = () => { link.textContent = "live"; link.className = "link up"; };
board.onerror = () => { link.textContent = "the connection is gone; trying again"; link.className = "link"; };
board.onmessage = (event) => draw(JSON.parse(event.data));

// The log of events, from the live feed; a board that is drawn whole does not say what happened.
const token = document.querySelector("meta[name=feed-token]").content;
const log = document.getElementById("log");
const shownEvents = 8;

function drawEvent(event) {
  const item = document.createElement("li");
  const put = (name, text) => {
    const span = document.createElement("span");
    span.className = name;
    span.textContent = text;
    item.append(span);
  };
  const moved = event.data.moved;
  put("number", event.sequence);
  put("when", new Date(event.timestamp).toLocaleTimeString());
  put("type", event.type);
  put("where", moved ? `${moved.from.mailbox} \u2192 ${moved.to.mailbox}` : event.data.mailbox || event.data.account || "");
  put("what", event.data.subject || event.data.reason || "");
  log.prepend(item);
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
