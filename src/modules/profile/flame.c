/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/cleanup.h"
#include "modules/profile/flame.h"

/* Pixels. The root is at the bottom, under the frames. */
enum {
	MARGIN = 10,
	HEAD = 56,
	FOOT = 36,
	ROW = 17,
	BOX = 16, /* high: a line remains between two rows */
	FONT = 12,
	LETTER_TENTHS = 73, /* wide, in tenths: of a font of fixed width of that size */
	PADDING = 3,
	LETTERS_LEAST = 3,
};

/* ---- layout ------------------------------------------------------------------------------- */

struct layout {
	double scale;
	void (*draw)(void *context, const struct flame_box *box);
	void *context;
};

/* As deep as a stack is. */
static void lay_out(const struct layout *layout, const struct tree_node *node, uint64_t begin)
{
	const struct flame_box box = { .node = node,
				       .begin = begin,
				       .x = (double)begin * layout->scale,
				       .width = (double)node->total * layout->scale };

	if (box.width < FLAME_NARROW)
		return;
	layout->draw(layout->context, &box);
	for (const struct tree_node *child = node->children; child; child = child->next) {
		lay_out(layout, child, begin);
		begin += child->total;
	}
}

void flame_layout(const struct tree *tree, double width,
		  void (*draw)(void *context, const struct flame_box *box), void *context)
{
	const struct tree_node *root = tree_root(tree);
	struct layout layout = { .draw = draw, .context = context };

	if (!root->total)
		return;
	layout.scale = width / (double)root->total;
	lay_out(&layout, root, 0);
}

/* ---- text --------------------------------------------------------------------------------- */

/* U+FFFE and U+FFFF, which XML has no way to write. */
static bool is_no_character(const unsigned char *text)
{
	return text[0] == 0xef && text[1] == 0xbf && text[2] >= 0xbe;
}

void xml_write(const char *text, FILE *out)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c == '&')
			fputs("&amp;", out);
		else if (*c == '<')
			fputs("&lt;", out);
		else if (*c == '>')
			fputs("&gt;", out);
		else if (*c == '"')
			fputs("&quot;", out);
		else if (*c == '\'')
			fputs("&#39;", out);
		else if (*c < ' ' || *c == 0x7f)
			fputc('?', out);
		else if (is_no_character(c)) {
			fputc('?', out);
			c += 2;
		} else
			fputc(*c, out);
	}
}

static const char *name_of(const struct tree_node *node)
{
	return node->function ? node->function->name : "all";
}

/* As many letters of a name as fit. */
static void write_cut(const char *name, double width, FILE *out)
{
	size_t room =
		width > 2 * PADDING ? (size_t)((width - 2 * PADDING) * 10 / LETTER_TENTHS) : 0;
	char cut[FLAME_WIDTH];
	size_t letters = 0, end = 0, bytes = 0;

	if (room < LETTERS_LEAST)
		return;
	for (; bytes < sizeof(cut) - 8 && name[bytes]; bytes++) {
		if ((name[bytes] & 0xc0) == 0x80)
			continue;
		if (letters == room - 2)
			end = bytes;
		if (letters++ == room)
			break;
	}
	while (!name[bytes] && letters <= room) {
		xml_write(name, out);
		return;
	}
	memcpy(cut, name, end);
	memcpy(cut + end, "..", 3);
	xml_write(cut, out);
}

/* ---- colours ------------------------------------------------------------------------------ */

/* A base for each kind, and a little to either side for each name, so that neighbours differ. */
static unsigned colour_of(const struct tree_node *node)
{
	static const unsigned char bases[FUNCTION_KINDS][3] = {
		[FUNCTION_LABEL] = { 200, 200, 205 },
		[FUNCTION_USER] = { 238, 168, 72 },
		[FUNCTION_JIT] = { 130, 196, 98 },
		[FUNCTION_KERNEL] = { 104, 164, 216 }
	};
	const unsigned char *base = bases[node->function ? node->function->kind : FUNCTION_LABEL];
	unsigned hash = 5381, colour = 0;

	for (const char *c = name_of(node); *c; c++)
		hash = hash * 33 + (unsigned char)*c;
	for (size_t i = 0; i < 3; i++)
		colour = colour << 8 | (base[i] - 16 + (hash >> (5 * i)) % 33);
	return colour;
}

/* ---- the file ----------------------------------------------------------------------------- */

struct drawing {
	const struct flame_text *text;
	FILE *out;
	uint64_t total;
	size_t height; /* of the whole picture */
	size_t depth;  /* of the deepest box */
};

static void find_depth(void *context, const struct flame_box *box)
{
	struct drawing *drawing = context;

	if (box->node->depth > drawing->depth)
		drawing->depth = box->node->depth;
}

static void draw_box(void *context, const struct flame_box *box)
{
	const struct drawing *drawing = context;
	const struct tree_node *node = box->node;
	size_t y = drawing->height - FOOT - (node->depth + 1) * ROW;
	double x = MARGIN + box->x;
	FILE *out = drawing->out;
	char value[32];

	fprintf(out, "<g class=\"f\" data-b=\"%llu\" data-v=\"%llu\" data-d=\"%zu\"><title>",
		(unsigned long long)box->begin, (unsigned long long)node->total, node->depth);
	xml_write(name_of(node), out);
	fprintf(out, " (%s, %.2f%%)</title>", drawing->text->value(node->total, value),
		100.0 * (double)node->total / (double)drawing->total);
	fprintf(out,
		"<rect x=\"%.2f\" y=\"%zu\" width=\"%.2f\" height=\"%d\" fill=\"#%06x\"/>"
		"<text x=\"%.2f\" y=\"%zu\">",
		x, y, box->width, BOX, colour_of(node), x + PADDING, y + FONT);
	write_cut(name_of(node), box->width, out);
	fputs("</text></g>\n", out);
}

static void write_legend(const struct drawing *drawing)
{
	static const struct {
		const char *name;
		struct function like;
	} kinds[] = { { "kernel", { .kind = FUNCTION_KERNEL, .name = "" } },
		      { "user", { .kind = FUNCTION_USER, .name = "" } },
		      { "JIT", { .kind = FUNCTION_JIT, .name = "" } } };
	size_t y = drawing->height - FOOT / 2;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct tree_node node = { .function = &kinds[i].like };
		size_t x = FLAME_WIDTH - 200 + 75 * i;

		fprintf(drawing->out,
			"<rect x=\"%zu\" y=\"%zu\" width=\"12\" height=\"12\" fill=\"#%06x\"/>"
			"<text x=\"%zu\" y=\"%zu\">%s</text>\n",
			x, y, colour_of(&node), x + 16, y + 11, kinds[i].name);
	}
}

static void write_head(const struct drawing *drawing)
{
	int width = FLAME_WIDTH + 2 * MARGIN;
	FILE *out = drawing->out;

	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"%d\" "
		"height=\"%zu\" viewBox=\"0 0 %d %zu\">\n"
		"<style>svg{max-width:100%%;height:auto}text{font:%dpx "
		"monospace;fill:#111}.f{cursor:pointer}"
		".f:hover rect{stroke:#000;stroke-width:.7}#title{font-size:17px}"
		".button{cursor:pointer;fill:#456}.found rect{fill:#e040e0}"
		".faded{opacity:.45}.hidden{display:none}</style>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fdfdf8\"/>\n"
		"<text id=\"title\" x=\"%d\" y=\"24\">",
		width, drawing->height, width, drawing->height, FONT, MARGIN);
	xml_write(drawing->text->title, out);
	fprintf(out, "</text>\n<text x=\"%d\" y=\"44\">", MARGIN);
	xml_write(drawing->text->subtitle, out);
	fprintf(out,
		"</text>\n<text id=\"reset\" class=\"button hidden\" x=\"%d\" "
		"y=\"24\">whole</text>\n"
		"<text id=\"search\" class=\"button\" x=\"%d\" y=\"24\">search</text>\n"
		"<text id=\"matched\" x=\"%d\" y=\"44\" text-anchor=\"end\"></text>\n"
		"<text id=\"details\" x=\"%d\" y=\"%zu\"></text>\n",
		width - 150, width - 70, width - MARGIN, MARGIN, drawing->height - FOOT / 2 + 11);
}

static const char script[] = {
#include "flame.js.h"
};

void flame_write(const struct tree *tree, const struct flame_text *text, FILE *out)
{
	struct drawing drawing = { .text = text, .out = out, .total = tree_root(tree)->total };

	flame_layout(tree, FLAME_WIDTH, find_depth, &drawing);
	drawing.height = HEAD + FOOT + (drawing.depth + 1) * ROW;
	write_head(&drawing);
	flame_layout(tree, FLAME_WIDTH, draw_box, &drawing);
	write_legend(&drawing);
	fprintf(out, "<script><![CDATA[\n%s]]></script>\n</svg>\n", script);
}
