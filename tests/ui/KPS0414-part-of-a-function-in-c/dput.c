void dput(void *dentry) { }
