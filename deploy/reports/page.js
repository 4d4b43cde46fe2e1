(function () {
  "use strict";
  var root = document.documentElement, tip = document.getElementById("tip"), theme = document.getElementById("theme");
  function kept(value) {
    try {
      if (value === undefined) return localStorage.getItem("report-theme");
      localStorage.setItem("report-theme", value);
    } catch (refused) { return null; }
    return value;
  }
  if (kept() === "dark" || kept() === "light") root.dataset.theme = kept();
  theme.hidden = false;
  theme.addEventListener("click", function () {
    var dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    kept(root.dataset.theme);
  });

  function place(x, y) {
    tip.hidden = false;
    var box = tip.getBoundingClientRect(), left = x + 16, top = y + 16;
    if (left + box.width > innerWidth - 8) left = Math.max(8, x - box.width - 16);
    if (top + box.height > innerHeight - 8) top = Math.max(8, y - box.height - 16);
    tip.style.transform = "translate(" + left + "px," + top + "px)";
  }
  function hide() { tip.hidden = true; }
  function row(name, value) {
    var line = document.createElement("div"), left = document.createElement("span"), right = document.createElement("span");
    left.textContent = name;
    right.textContent = value;
    line.append(left, right);
    return line;
  }
  function told(head, rows) {
    tip.textContent = "";
    var title = document.createElement("b");
    title.textContent = head;
    tip.append(title);
    rows.forEach(function (one) { tip.append(one); });
  }

  document.addEventListener("pointerover", function (event) {
    var there = event.target.closest ? event.target.closest("[data-tip]") : null;
    if (!there) return;
    tip.textContent = there.dataset.tip;
    place(event.clientX, event.clientY);
  });
  document.addEventListener("pointerout", function (event) {
    if (event.target.closest && event.target.closest("[data-tip]")) hide();
  });
  document.addEventListener("keydown", function (event) { if (event.key === "Escape") hide(); });

  var digits = new Intl.NumberFormat("en-GB", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  function shown(value, unit) {
    if (value === null) return "–";
    return digits.format(unit === "percent" ? value * 100 : value).replace("-", "−") + (unit === "percent" ? " %" : unit === "money" ? "" : " " + unit);
  }
  function when(seconds) { return new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " "); }
  function nearest(list, at) {
    var low = 0, high = list.length - 1;
    while (high - low > 1) {
      var middle = (low + high) >> 1;
      if (list[middle] > at) high = middle; else low = middle;
    }
    return at - list[low] > list[high] - at ? high : low;
  }
  function curves(area, data) {
    var cross = document.createElement("div"), at = -1;
    cross.className = "cross";
    cross.hidden = true;
    var marks = data.series.map(function (one) {
      var mark = document.createElement("i");
      mark.className = one.kind;
      cross.append(mark);
      return mark;
    });
    area.append(cross);
    function show(index, x, y) {
      at = index;
      cross.hidden = false;
      cross.style.left = data.p[index] / 10 + "%";
      data.series.forEach(function (one, number) {
        var value = one.v[index];
        marks[number].hidden = value === null;
        var at = data.log ? Math.log10(value) : value;
        marks[number].style.top = 100 * (data.high - at) / (data.high - data.low) + "%";
      });
      told(data.times ? when(data.x[index]) : data.name + " " + data.x[index], data.series.map(function (one) {
        return row(one.name, shown(one.v[index], one.unit));
      }));
      place(x, y);
    }
    function away() { cross.hidden = true; hide(); }
    area.addEventListener("pointermove", function (event) {
      var box = area.getBoundingClientRect();
      show(nearest(data.p, 1000 * (event.clientX - box.left) / box.width), event.clientX, event.clientY);
    });
    area.addEventListener("pointerleave", away);
    area.addEventListener("blur", away);
    area.addEventListener("keydown", function (event) {
      var step = { ArrowLeft: -1, ArrowRight: 1, PageUp: 25, PageDown: -25 }[event.key];
      if (!step) return;
      event.preventDefault();
      var box = area.getBoundingClientRect(), last = data.p.length - 1;
      var index = Math.min(last, Math.max(0, at < 0 ? last : at + step));
      show(index, box.left + box.width * data.p[index] / 1000, box.top + 20);
    });
  }
  function dots(area, data) {
    area.addEventListener("pointermove", function (event) {
      var box = area.getBoundingClientRect(), best = null, least = 400;
      data.dots.forEach(function (dot) {
        var dx = dot[0] / 1000 * box.width - (event.clientX - box.left), dy = dot[1] / 1000 * box.height - (event.clientY - box.top);
        if (dx * dx + dy * dy < least) { least = dx * dx + dy * dy; best = dot; }
      });
      if (!best) { hide(); return; }
      told("Trade", [row("furthest", best[2] + " " + data.unit), row("result", best[3] + " " + data.unit)]);
      place(event.clientX, event.clientY);
    });
    area.addEventListener("pointerleave", hide);
  }
  document.querySelectorAll(".area[data-live]").forEach(function (area) {
    var data = JSON.parse(area.nextElementSibling.textContent);
    if (data.dots) dots(area, data); else curves(area, data);
  });

  document.querySelectorAll("table.sortable").forEach(function (table) {
    var heads = Array.from(table.tHead.rows[0].cells), body = table.tBodies[0];
    heads.forEach(function (head, column) {
      head.firstElementChild.addEventListener("click", function () {
        var up = head.getAttribute("aria-sort") === "descending";
        heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        function key(line) {
          var cell = line.cells[column];
          return cell.dataset.key === undefined ? cell.textContent : Number(cell.dataset.key);
        }
        Array.from(body.rows).sort(function (a, b) {
          var x = key(a), y = key(b), order = x < y ? -1 : x > y ? 1 : 0;
          return up ? order : -order;
        }).forEach(function (line) { body.append(line); });
      });
    });
  });
})();
