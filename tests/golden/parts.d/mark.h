#define MARK "[C]"
