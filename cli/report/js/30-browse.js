// Section 7: lists of records, a page at a time, read from the file when they are shown. There is never more of them in
// the document than one page.

class Browser {
  constructor() {
    this.table = null;
    this.blob = null;
    this.places = null;
    this.at = 0;
    this.shown = 0;
    byId("kind-filter").addEventListener("change", () => this.filter(byId("kind-filter").value));
    byId("page-size").addEventListener("change", () => this.show(Math.floor(this.at / this.size)));
    byId("page-next").addEventListener("click", () => this.show(this.page + 1));
    byId("page-previous").addEventListener("click", () => this.show(this.page - 1));
    byId("go").addEventListener("click", () => this.goToTyped());
    byId("go-to").addEventListener("keydown", (event) => event.key === "Enter" && this.goToTyped());
    document.addEventListener("click", (event) => {
      const entry = event.target instanceof Element ? event.target.closest("[data-entry]") : null;
      if (entry !== null) this.goTo(Number(entry.getAttribute("data-entry")));
    });
  }

  get size() {
    return Number(byId("page-size").value);
  }

  get page() {
    return Math.floor(this.at / this.size);
  }

  /** Records in the list that is shown. */
  get count() {
    return this.places === null ? this.table?.count ?? 0 : this.places.length;
  }

  /** Says what the records that are shown are worth. */
  stand(sentence, good) {
    const notice = byId("records-standing");
    notice.textContent = sentence;
    notice.classList.toggle("good", good);
  }

  /** Takes the records of a file, or null where there are none. */
  take(table, blob) {
    [this.table, this.blob] = [table, blob];
    const kinds = new Map();
    for (let place = 0; place < (table?.count ?? 0); place += 1) {
      const kind = table.kinds[place];
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    }
    const options = [...kinds].sort(([a], [b]) => a - b).map(([kind, count]) =>
      element("option", { value: kindText(kind) }, `${kindText(kind)} (${number(count)})`));
    const all = element("option", { value: "all" }, `all kinds (${number(table?.count ?? 0)})`);
    byId("kind-filter").replaceChildren(all, ...options);
    return this.filter(kinds.has(PROMOTION) ? kindText(PROMOTION) : "all");
  }

  filter(value) {
    byId("kind-filter").value = value;
    this.places = null;
    if (value !== "all" && this.table !== null) {
      const found = new Uint32Array(this.table.count);
      let count = 0;
      for (let place = 0; place < this.table.count; place += 1) {
        if (kindText(this.table.kinds[place]) === value) {
          found[count] = place;
          count += 1;
        }
      }
      this.places = found.subarray(0, count);
    }
    return this.show(0);
  }

  /** Shows a page of the list. */
  async show(page) {
    const last = Math.max(0, Math.ceil(this.count / this.size) - 1);
    this.at = Math.min(Math.max(0, page), last) * this.size;
    this.shown += 1;
    const turn = this.shown;
    const end = Math.min(this.count, this.at + this.size);
    const places = [];
    for (let place = this.at; place < end; place += 1) places.push(this.places === null ? place : this.places[place]);
    const cards = await Promise.all(places.map((place) => this.card(place)));
    // Another page was asked for in the meantime.
    if (turn !== this.shown) return;
    byId("record-list").replaceChildren(...cards);
    byId("records-place").textContent = this.count === 0 ? "There are no records to show."
      : `${number(this.at + 1)} to ${number(end)} of ${number(this.count)} (page ${number(this.page + 1)} of ${number(last + 1)})`;
    byId("page-previous").disabled = this.at === 0;
    byId("page-next").disabled = end >= this.count;
  }

  async card(place) {
    const { table, blob } = this;
    const index = table.indices[place];
    try {
      const record = readRecord(new CborReader(await bytesAt(table, blob, place)));
      return recordCard(index, record, await referredEntries(table, blob, record));
    } catch (error) {
      // A file may have been changed or removed since it was checked.
      return element("article", { class: "record", "data-index": String(index), tabindex: "-1" },
        element("h3", {}, `Entry ${number(index)}`),
        element("p", { class: "problem" }, `It can’t be read any more: ${error.message}`));
    }
  }

  goToTyped() {
    const index = fromDecimal(byId("go-to").value.replaceAll(",", "").trim());
    if (index === null) byId("records-place").textContent = "An entry’s number is written in digits only.";
    else this.goTo(index);
  }

  /** Leads to an entry, in the list of all kinds where the one that is shown doesn't have it. */
  async goTo(index) {
    const place = this.table?.find(index) ?? -1;
    if (place < 0) {
      byId("records-place").textContent = `Entry ${number(index)} is not among the records that are here.`;
      byId("records-place").scrollIntoView({ block: "center" });
      return;
    }
    let inList = this.places === null ? place : this.places.indexOf(place);
    if (inList < 0) {
      await this.filter("all");
      inList = place;
    }
    await this.show(Math.floor(inList / this.size));
    const card = byId("record-list").querySelector(`[data-index="${index}"]`);
    card?.scrollIntoView({ block: "start" });
    card?.focus({ preventScroll: true });
  }
}

async function bytesAt(table, blob, place) {
  const start = table.offsets[place];
  return new Uint8Array(await blob.slice(start, start + table.lengths[place]).arrayBuffer());
}

/** Leaf hash and kind, by index, of the entries that a record's approvals refer to and that are here. */
async function referredEntries(table, blob, record) {
  const entries = new Map();
  for (const index of referredIndices(record)) {
    const place = table.find(index);
    if (place < 0 || entries.has(index)) continue;
    const { leafHash: leaf, kind } = readRecord(new CborReader(await bytesAt(table, blob, place)));
    entries.set(index, { leafHash: leaf, kind });
  }
  return entries;
}
