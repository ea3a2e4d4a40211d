// The pages work without this: it adds the reader's own hour, and buttons that copy an address.
"use strict";

// Puts texts, or elements that are there already, into the {places} of a sentence.
function fill(element, sentence, values) {
  for (const part of sentence.split(/(\{\w+\})/)) {
    const name = part.startsWith("{") ? part.slice(1, -1) : "";
    if (!(name in values)) {
      element.append(part);
      continue;
    }
    let value = values[name];
    if (typeof value === "string") {
      value = document.createElement("span");
      value.className = name;
      value.textContent = values[name];
      if (name === "hours" || name === "zone") value.dir = "ltr";
    }
    element.append(value);
  }
}

function showOwnHours(words) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zone) return;
  const days = new Intl.DateTimeFormat(words.locale, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
  // 24 hours and two figures in every language, as in the mails
  const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

  for (const time of document.querySelectorAll("time[data-offset]")) {
    const home = time.parentElement;
    const starts = new Date(time.dateTime);
    const offset = Number(time.dataset.offset);
    const isSame = -starts.getTimezoneOffset() === offset;
    const isSameDay = new Date(starts.getTime() + offset * 60000).getUTCDate() === starts.getDate();
    const dayOf = (at) => words.locale.startsWith("en") ? days.format(at).replace(",", "") : days.format(at);
    const day = dayOf(starts);
    const end = time.dataset.end ? new Date(time.dataset.end) : null;
    // as in the mails: what is no longer one evening names its last day
    const isLong = end && dayOf(end) !== day && (end - starts >= 12 * 3600000 || clock.format(end) > "12:00");
    const ends = end ? (isLong ? ` – ${dayOf(end)}, ` : "–") + clock.format(end) : "";
    const here = document.createElement("p");
    here.className = isSame ? "same" : "here";
    fill(here, isSame ? words.same : words.here, {
      day, hours: clock.format(starts) + ends, zone: zone.replaceAll("_", " "),
    });
    if (isLong) here.querySelector(".hours")?.classList.add("is-long");
    if (isSame) {
      home.after(here);
      continue;
    }
    home.classList.add("home");
    home.before(here);
    if (isSameDay) {
      home.replaceChildren();
      fill(home, words.home, { hours: time, clock: time.dataset.clock });
    }
  }
}

async function copy(field) {
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    // over plain http there is no clipboard
    field.select();
    return document.execCommand("copy");
  }
}

function addCopyButtons(root) {
  const status = root.querySelector("[role=status]");
  let last = null;
  for (const field of root.querySelectorAll("input[readonly]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = root.dataset.copy;
    button.setAttribute("aria-label", field.dataset.copyLabel);
    button.addEventListener("click", async () => {
      const said = (await copy(field)) ? root.dataset.copied : root.dataset.notCopied;
      if (last) last.textContent = root.dataset.copy;
      last = button;
      button.textContent = said;
      status.textContent = `${said}: ${field.value}`;
    });
    field.after(button);
    field.addEventListener("focus", () => field.select());
  }
}

const words = document.querySelector("[data-here]");
if (words) showOwnHours(words.dataset);
const feeds = document.querySelector("[data-copied]");
if (feeds) addCopyButtons(feeds);
