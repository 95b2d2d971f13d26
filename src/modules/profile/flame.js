// SPDX-License-Identifier: GPL-2.0-or-later
// Searching and zooming in a flame graph. Text only ever becomes text. What is shown stands
// behind the "#" of the address, so that it can be passed on: #zoom=12&search=malloc
(function () {
	"use strict";
	var LEFT = 10, WIDTH = 1200, LETTER = 7.3, PADDING = 3, NARROW = 0.1;
	var zoomed = 0, pattern = "";

	function element(id) {
		return document.getElementById(id);
	}

	var frames = Array.prototype.map.call(document.querySelectorAll("g.f"), function (group, i) {
		var title = group.querySelector("title").textContent;
		var frame = {
			group: group, title: title, name: title.replace(/ \([^(]*\)$/, ""),
			rect: group.querySelector("rect"), text: group.querySelector("text"),
			begin: +group.dataset.b, value: +group.dataset.v, depth: +group.dataset.d
		};
		frame.end = frame.begin + frame.value;
		group.addEventListener("click", function () { zoom(i); });
		group.addEventListener("mouseover", function () { element("details").textContent = title; });
		return frame;
	});

	function cut(name, width) {
		var room = Math.floor((width - 2 * PADDING) / LETTER), letters = Array.from(name);
		if (room < 3)
			return "";
		return letters.length <= room ? name : letters.slice(0, room - 2).join("") + "..";
	}

	function place(frame, x, width) {
		frame.rect.setAttribute("x", x);
		frame.rect.setAttribute("width", width);
		frame.text.setAttribute("x", x + PADDING);
		frame.text.textContent = cut(frame.name, width);
	}

	function remember() {
		var parts = [];
		if (zoomed)
			parts.push("zoom=" + zoomed);
		if (pattern)
			parts.push("search=" + encodeURIComponent(pattern));
		try {
			history.replaceState(null, "", "#" + parts.join("&"));
		} catch (refused) { /* not everywhere may an address be changed */ }
	}

	// What is beneath the frame fills the width, what is on top of it is drawn to its scale.
	function zoom(number) {
		var base = frames[number] || frames[0], scale;
		if (!base)
			return;
		zoomed = frames[number] ? number : 0;
		scale = WIDTH / base.value;
		frames.forEach(function (frame) {
			var beneath = frame.depth < base.depth && frame.begin <= base.begin && frame.end >= base.end;
			var above = frame.depth >= base.depth && frame.begin >= base.begin && frame.end <= base.end;
			frame.group.classList.toggle("faded", beneath);
			frame.group.classList.toggle("hidden", !beneath && !(above && frame.value * scale >= NARROW));
			if (beneath)
				place(frame, LEFT, WIDTH);
			else if (above)
				place(frame, LEFT + (frame.begin - base.begin) * scale, frame.value * scale);
		});
		element("reset").classList.toggle("hidden", !zoomed);
		remember();
	}

	function matcher(text) {
		try {
			return new RegExp(text);
		} catch (wrong) {
			return { test: function (name) { return name.indexOf(text) >= 0; } };
		}
	}

	// Frames come from the left and each before those on top of it: of nested ones the first counts.
	function search(text) {
		var wanted, matched = 0, end = -1;
		pattern = text || "";
		wanted = matcher(pattern);
		frames.forEach(function (frame) {
			var found = pattern !== "" && frame.depth > 0 && wanted.test(frame.name);
			frame.group.classList.toggle("found", found);
			if (found && frame.begin >= end) {
				matched += frame.value;
				end = frame.end;
			}
		});
		element("matched").textContent = pattern && frames.length ?
			"matched: " + (100 * matched / frames[0].value).toFixed(2) + "%" : "";
		element("search").textContent = pattern ? "clear" : "search";
		remember();
	}

	function ask() {
		search(pattern ? "" : prompt("search for (a regular expression):") || "");
	}

	function follow() {
		var zoomTo = /(?:#|&)zoom=(\d+)/.exec(location.hash);
		var searchFor = /(?:#|&)search=([^&]*)/.exec(location.hash), text = "";
		try {
			text = searchFor ? decodeURIComponent(searchFor[1]) : "";
		} catch (wrong) { /* not written by us */ }
		zoom(zoomTo ? +zoomTo[1] : 0);
		search(text);
	}

	element("reset").addEventListener("click", function () { zoom(0); });
	element("search").addEventListener("click", ask);
	window.addEventListener("hashchange", follow);
	window.addEventListener("keydown", function (event) {
		if (event.key === "/" || (event.key === "f" && (event.ctrlKey || event.metaKey))) {
			event.preventDefault();
			pattern = "";
			ask();
		} else if (event.key === "Escape") {
			search("");
			zoom(0);
		}
	});
	follow();
})();
