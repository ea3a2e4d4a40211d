/* Prints what libical finds in each file that is named: an item a line, its values apart by tabs; a line of
   its own, "=", begins each file. Line ends and tabs of a summary are written as \n and \t. */
#include <libical/ical.h>
#include <stdio.h>
#include <stdlib.h>

static char *contents(const char *name)
{
    FILE *file = fopen(name, "rb");
    if (!file) {
        perror(name);
        exit(1);
    }
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = calloc(size + 1, 1);
    if (!text || fread(text, 1, size, file) != (size_t)size)
        exit(1);
    fclose(file);
    return text;
}

static void print_moment(struct icaltimetype at)
{
    printf("%04d-%02d-%02d", at.year, at.month, at.day);
    if (!at.is_date)
        printf("T%02d:%02d:%02d%s", at.hour, at.minute, at.second, icaltime_is_utc(at) ? "Z" : "");
    putchar('\t');
}

static void print_text(const char *text)
{
    for (; *text; text++) {
        if (*text == '\n' || *text == '\t' || *text == '\\')
            printf("\\%c", *text == '\n' ? 'n' : *text == '\t' ? 't' : '\\');
        else
            putchar(*text);
    }
    putchar('\n');
}

static const char *status_of(icalcomponent *event)
{
    icalproperty *status = icalcomponent_get_first_property(event, ICAL_STATUS_PROPERTY);
    return status ? icalproperty_get_value_as_string(status) : "";
}

int main(int count, char **names)
{
    for (int i = 1; i < count; i++) {
        char *text = contents(names[i]);
        icalcomponent *calendar = icalparser_parse_string(text);
        if (!calendar || icalcomponent_count_errors(calendar)) {
            fprintf(stderr, "%s: libical finds errors\n", names[i]);
            return 1;
        }
        puts("=");
        for (icalcomponent *event = icalcomponent_get_first_component(calendar, ICAL_VEVENT_COMPONENT); event;
             event = icalcomponent_get_next_component(calendar, ICAL_VEVENT_COMPONENT)) {
            printf("%s\t%d\t%s\t", icalcomponent_get_uid(event), icalcomponent_get_sequence(event),
                   status_of(event));
            print_moment(icalcomponent_get_dtstart(event));
            print_moment(icalcomponent_get_dtend(event));
            print_text(icalcomponent_get_summary(event));
        }
        icalcomponent_free(calendar);
        free(text);
    }
    return 0;
}
