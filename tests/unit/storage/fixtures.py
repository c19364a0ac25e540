"""Multi-Status bodies as servers send them (storage.md 3.2, 3.3, 3.6)."""

from __future__ import annotations

DCACHE = """\
<?xml version="1.0" encoding="utf-8" ?>
<d:multistatus xmlns:cal="urn:ietf:params:xml:ns:caldav" xmlns:d="DAV:" xmlns:ns1="http://www.dcache.org/2013/webdav" \
xmlns:ns2="http://srm.lbl.gov/StorageResourceManager">
<d:response>
<d:href>/data/</d:href>
<d:propstat>
<d:prop>
<d:resourcetype><d:collection/></d:resourcetype>
<ns2:FileLocality>NONE</ns2:FileLocality>
</d:prop>
<d:status>HTTP/1.1 200 OK</d:status>
</d:propstat>
<d:propstat>
<d:prop>
<d:getcontentlength/>
<ns1:Checksums/>
</d:prop>
<d:status>HTTP/1.1 404 Not Found</d:status>
</d:propstat>
</d:response>
<d:response>
<d:href>/data/run%201.fits</d:href>
<d:propstat>
<d:prop>
<d:getcontentlength>1000</d:getcontentlength>
<d:getlastmodified>Sun, 06 Nov 1994 08:49:37 GMT</d:getlastmodified>
<d:resourcetype/>
<ns1:Checksums>adler32=090c1483</ns1:Checksums>
<ns2:FileLocality>ONLINE</ns2:FileLocality>
</d:prop>
<d:status>HTTP/1.1 200 OK</d:status>
</d:propstat>
<d:propstat>
<d:prop>
<d:getetag/>
</d:prop>
<d:status>HTTP/1.1 404 Not Found</d:status>
</d:propstat>
</d:response>
</d:multistatus>
"""

APACHE = """\
<?xml version="1.0" encoding="utf-8"?>
<D:multistatus xmlns:D="DAV:" xmlns:ns0="DAV:">
<D:response xmlns:lp1="DAV:" xmlns:lp2="http://apache.org/dav/props/">
<D:href>/dav/</D:href>
<D:propstat>
<D:prop>
<lp1:resourcetype><D:collection/></lp1:resourcetype>
<lp1:getlastmodified>Sun, 06 Nov 1994 08:49:37 GMT</lp1:getlastmodified>
<lp1:getetag>"1000-5e6"</lp1:getetag>
</D:prop>
<D:status>HTTP/1.1 200 OK</D:status>
</D:propstat>
</D:response>
<D:response xmlns:lp1="DAV:" xmlns:lp2="http://apache.org/dav/props/">
<D:href>/dav/a%20b.txt</D:href>
<D:propstat>
<D:prop>
<lp1:resourcetype/>
<lp1:getcontentlength>5</lp1:getcontentlength>
<lp1:getetag>"5-5e6"</lp1:getetag>
<lp2:executable>F</lp2:executable>
</D:prop>
<D:status>HTTP/1.1 200 OK</D:status>
</D:propstat>
</D:response>
</D:multistatus>
"""

XROOTD = """\
<?xml version="1.0" encoding="utf-8"?>
<D:multistatus xmlns:D="DAV:" xmlns:ns1="http://apache.org/dav/props/" xmlns:ns0="DAV:">
<D:response xmlns:lp1="DAV:" xmlns:lp2="http://apache.org/dav/props/" xmlns:lp3="LCGDM:">
<D:href>/data</D:href>
<D:propstat>
<D:prop>
<lp1:getcontentlength>4096</lp1:getcontentlength>
<lp1:resourcetype><D:collection/></lp1:resourcetype>
<lp1:iscollection>1</lp1:iscollection>
<lp1:executable>T</lp1:executable>
</D:prop>
<D:status>HTTP/1.1 200 OK</D:status>
</D:propstat>
</D:response>
<D:response xmlns:lp1="DAV:" xmlns:lp2="http://apache.org/dav/props/" xmlns:lp3="LCGDM:">
<D:href>/data/a b%20c &amp; d</D:href>
<D:propstat>
<D:prop>
<lp1:getcontentlength>5</lp1:getcontentlength>
<lp1:getlastmodified>Sun, 06 Nov 1994 08:49:37 GMT</lp1:getlastmodified>
<lp1:iscollection>1</lp1:iscollection>
<lp1:executable>T</lp1:executable>
</D:prop>
<D:status>HTTP/1.1 200 OK</D:status>
</D:propstat>
</D:response>
</D:multistatus>
"""

NEXTCLOUD = """\
<?xml version="1.0"?>
<d:multistatus xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns" xmlns:oc="http://owncloud.org/ns" \
xmlns:nc="http://nextcloud.org/ns"><d:response><d:href>/remote.php/dav/files/me/</d:href><d:propstat><d:prop>\
<d:resourcetype><d:collection/></d:resourcetype></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>\
<d:response><d:href>/remote.php/dav/files/me/a%23b.txt</d:href><d:propstat><d:prop><d:resourcetype/>\
<d:getcontentlength>5</d:getcontentlength><d:getetag>&quot;0123&quot;</d:getetag>\
<oc:checksums><oc:checksum>SHA1:aaf4c61d</oc:checksum><oc:checksum>ADLER32:062c0215</oc:checksum></oc:checksums>\
</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat><d:propstat><d:prop><d:quota-used-bytes/></d:prop>\
<d:status>HTTP/1.1 404 Not Found</d:status></d:propstat></d:response></d:multistatus>
"""

STORM = """\
<?xml version="1.0" encoding="utf-8" ?>
<d:multistatus xmlns:d="DAV:" xmlns:ns1="http://storm.italiangrid.org/2014/webdav">
<d:response><d:href>https://storm.example:8443/vo/</d:href><d:propstat><d:prop>
<d:resourcetype><d:collection/></d:resourcetype></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>
<d:response><d:href>https://storm.example:8443/vo/a%2Bb</d:href><d:propstat><d:prop><d:resourcetype/>
<ns1:Checksum>adler32=062c0215</ns1:Checksum></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>
</d:multistatus>
"""
